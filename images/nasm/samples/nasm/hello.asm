global _start

section .data
text: db "Hello, World!", 10
length: equ $ - text

section .text
_start:
    mov eax, 4
    mov ebx, 1
    mov ecx, text
    mov edx, length
    int 0x80
    mov eax, 1
    xor ebx, ebx
    int 0x80
