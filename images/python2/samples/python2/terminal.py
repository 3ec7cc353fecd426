name = raw_input("name? ")
print "Hello, %s!" % name
