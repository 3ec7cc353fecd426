disp("Größe 日本")
disp(fgetl(stdin))
