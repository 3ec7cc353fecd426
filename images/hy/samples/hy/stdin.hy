(print (input))
