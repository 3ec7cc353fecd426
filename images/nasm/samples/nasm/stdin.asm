global _start

section .bss
line: resb 100

section .text
_start:
    mov eax, 3
    xor ebx, ebx
    mov ecx, line
    mov edx, 100
    int 0x80
    mov edx, eax
    mov eax, 4
    mov ebx, 1
    mov ecx, line
    int 0x80
    mov eax, 1
    xor ebx, ebx
    int 0x80
