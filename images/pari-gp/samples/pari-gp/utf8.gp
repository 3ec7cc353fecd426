print("Größe 日本");
print(externstr("head -n1")[1]);
