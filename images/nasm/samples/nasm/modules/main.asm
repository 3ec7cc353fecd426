extern greet
global _start

_start:
    call greet
    mov eax, 1
    xor ebx, ebx
    int 0x80
