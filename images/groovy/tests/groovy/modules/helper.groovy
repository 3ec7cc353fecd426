"Hello, module!"
