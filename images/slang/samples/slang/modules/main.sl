() = evalfile("./helper.sl");
message(greeting());
