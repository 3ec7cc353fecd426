greeting = "Hello, module!"
