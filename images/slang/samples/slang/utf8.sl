variable line;
message("Größe 日本");
() = fgets(&line, stdin);
() = fputs(line, stdout);
