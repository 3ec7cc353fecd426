.global greet

.data
text: .ascii "Hello, module!\n"
.set length, . - text

.text
greet:
    mov $1, %rax
    mov $1, %rdi
    mov $text, %rsi
    mov $length, %rdx
    syscall
    ret
