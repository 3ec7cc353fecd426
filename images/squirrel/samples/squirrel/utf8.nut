print("Größe 日本\n");
local c;
while ((c = stdin.readn('b')) != '\n')
    print(c.tochar());
print("\n");
