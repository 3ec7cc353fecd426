def greeting: "Hello, module!";
