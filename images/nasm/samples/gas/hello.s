.global _start

.data
text: .ascii "Hello, World!\n"
.set length, . - text

.text
_start:
    mov $1, %rax
    mov $1, %rdi
    mov $text, %rsi
    mov $length, %rdx
    syscall
    mov $60, %rax
    xor %rdi, %rdi
    syscall
