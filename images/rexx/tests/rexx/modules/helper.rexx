return "Hello, module!"
