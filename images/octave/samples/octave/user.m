user = getpwuid(getuid());
printf("%s %s\n", user.name, user.dir);
