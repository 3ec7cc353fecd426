    mov nothing
    nothing
