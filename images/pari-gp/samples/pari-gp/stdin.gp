print(externstr("head -n1")[1]);
