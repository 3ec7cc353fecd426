global _start

section .data
newline: db 10

section .text
_start:
    lea rbx, [rsp + 16]
next:
    mov rsi, [rbx]
    test rsi, rsi
    jz done
    xor rdx, rdx
count:
    cmp byte [rsi + rdx], 0
    je show
    inc rdx
    jmp count
show:
    mov rax, 1
    mov rdi, 1
    syscall
    mov rax, 1
    mov rsi, newline
    mov rdx, 1
    syscall
    add rbx, 8
    jmp next
done:
    mov rax, 60
    xor rdi, rdi
    syscall
