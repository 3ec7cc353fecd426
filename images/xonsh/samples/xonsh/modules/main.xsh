source helper.xsh
print(greeting())
