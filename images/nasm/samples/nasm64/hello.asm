global _start

section .data
text: db "Hello, World!", 10
length: equ $ - text

section .text
_start:
    mov rax, 1
    mov rdi, 1
    mov rsi, text
    mov rdx, length
    syscall
    mov rax, 60
    xor rdi, rdi
    syscall
