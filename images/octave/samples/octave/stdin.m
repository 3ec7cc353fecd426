disp(fgetl(stdin))
