local c;
while ((c = stdin.readn('b')) != null && c != '\n')
    print(c.tochar());
print("\n");
