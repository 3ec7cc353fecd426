def greeting():
    return "Hello, module!"
