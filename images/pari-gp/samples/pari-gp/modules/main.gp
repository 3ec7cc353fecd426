read("helper.gp");
print(greeting());
