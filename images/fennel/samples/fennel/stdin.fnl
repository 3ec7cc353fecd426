(print (io.read))
