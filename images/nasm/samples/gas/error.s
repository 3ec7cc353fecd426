.global _start

.data
text: .ascii "broken\n"

.text
_start:
    mov $1, %rax
    mov $2, %rdi
    mov $text, %rsi
    mov $7, %rdx
    syscall
    xor %rax, %rax
    mov (%rax), %rax
