.global _start

.bss
line: .skip 100

.text
_start:
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
