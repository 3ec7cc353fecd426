global _start

section .data
text: db "Größe 日本", 10
length: equ $ - text

section .bss
line: resb 100

section .text
_start:
    mov rax, 1
    mov rdi, 1
    mov rsi, text
    mov rdx, length
    syscall
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
