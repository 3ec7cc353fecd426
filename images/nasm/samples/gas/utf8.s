.global _start

.data
text: .ascii "Größe 日本\n"
.set length, . - text

.bss
line: .skip 100

.text
_start:
    mov $1, %rax
    mov $1, %rdi
    mov $text, %rsi
    mov $length, %rdx
    syscall
    xor %rax, %rax
    xor %rdi, %rdi
    mov $line, %rsi
    mov $100, %rdx
    syscall
    mov %rax, %rdx
    mov $1, %rax
    mov $1, %rdi
    syscall
    mov $60, %rax
    xor %rdi, %rdi
    syscall
