export greeting = -> "Hello, module!"
