dofile("helper.nut");
print(greeting() + "\n");
