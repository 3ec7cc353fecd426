print peek$("argument")
print peek$("argument")
