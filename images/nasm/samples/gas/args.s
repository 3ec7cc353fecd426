.global _start

.data
newline: .ascii "\n"

.text
_start:
    lea 16(%rsp), %rbx
next:
    mov (%rbx), %rsi
    test %rsi, %rsi
    jz done
    xor %rdx, %rdx
count:
    cmpb $0, (%rsi, %rdx)
    je show
    inc %rdx
    jmp count
show:
    mov $1, %rax
    mov $1, %rdi
    syscall
    mov $1, %rax
    mov $newline, %rsi
    mov $1, %rdx
    syscall
    add $8, %rbx
    jmp next
done:
    mov $60, %rax
    xor %rdi, %rdi
    syscall
