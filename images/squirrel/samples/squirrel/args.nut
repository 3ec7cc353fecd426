foreach (argument in vargv)
    print(argument + "\n");
