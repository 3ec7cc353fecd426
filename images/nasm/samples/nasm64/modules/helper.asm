global greet

section .data
text: db "Hello, module!", 10
length: equ $ - text

section .text
greet:
    mov rax, 1
    mov rdi, 1
    mov rsi, text
    mov rdx, length
    syscall
    ret
