greeting = Hello, module!
