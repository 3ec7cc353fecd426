fun greeting() = "Hello, module!"
