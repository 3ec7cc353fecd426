print("Hello, World!\n");
