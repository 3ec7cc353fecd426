    mov nothing
