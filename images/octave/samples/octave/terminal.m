name = input("name? ", "s");
printf("Hello, %s!\n", name);
