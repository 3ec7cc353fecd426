`text`E
