variable name;
() = fputs("name? ", stdout);
() = fflush(stdout);
() = fgets(&name, stdin);
message("Hello, " + strtrim(name) + "!");
