global _start

section .data
text: db "broken", 10

section .text
_start:
    mov rax, 1
    mov rdi, 2
    mov rsi, text
    mov rdx, 7
    syscall
    xor rax, rax
    mov rax, [rax]
