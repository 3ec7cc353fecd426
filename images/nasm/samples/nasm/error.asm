global _start

section .data
text: db "broken", 10

section .text
_start:
    mov eax, 4
    mov ebx, 2
    mov ecx, text
    mov edx, 7
    int 0x80
    xor eax, eax
    mov eax, [eax]
