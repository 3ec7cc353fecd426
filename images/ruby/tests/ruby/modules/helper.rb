def greeting = "Hello, module!"
