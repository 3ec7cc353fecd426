echo (read-line)
