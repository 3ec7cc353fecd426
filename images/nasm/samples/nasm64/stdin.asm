global _start

section .bss
line: resb 100

section .text
_start:
    xor rax, rax
    xor rdi, rdi
    mov rsi, line
    mov rdx, 100
    syscall
    mov rdx, rax
    mov rax, 1
    mov rdi, 1
    mov rsi, line
    syscall
    mov rax, 60
    xor rdi, rdi
    syscall
