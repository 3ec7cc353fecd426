greeting('Hello, module!').
