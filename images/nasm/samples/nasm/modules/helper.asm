global greet

section .data
text: db "Hello, module!", 10
length: equ $ - text

section .text
greet:
    mov eax, 4
    mov ebx, 1
    mov ecx, text
    mov edx, length
    int 0x80
    ret
