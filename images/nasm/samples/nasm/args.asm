global _start

section .data
newline: db 10

section .text
_start:
    lea esi, [esp + 8]
next:
    mov ecx, [esi]
    test ecx, ecx
    jz done
    xor edx, edx
count:
    cmp byte [ecx + edx], 0
    je show
    inc edx
    jmp count
show:
    mov eax, 4
    mov ebx, 1
    int 0x80
    mov eax, 4
    mov ecx, newline
    mov edx, 1
    int 0x80
    add esi, 4
    jmp next
done:
    mov eax, 1
    xor ebx, ebx
    int 0x80
