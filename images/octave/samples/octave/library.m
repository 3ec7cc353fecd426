printf("%d\n", prod(jsondecode("[6, 7]")));
