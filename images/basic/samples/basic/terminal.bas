input "name? " name$
print "Hello, " + name$ + "!"
