greeting() = "Hello, module!";
