define(`greeting', `Hello, module!')dnl
