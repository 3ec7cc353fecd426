message("Hello, World!");
