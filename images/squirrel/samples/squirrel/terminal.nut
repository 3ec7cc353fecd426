local c, name = "";
print("name? ");
while ((c = stdin.readn('b')) != null && c != '\n')
    name += c.tochar();
print("Hello, " + name + "!\n");
