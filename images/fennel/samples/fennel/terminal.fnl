(io.write "name? ")
(print (.. "Hello, " (io.read) "!"))
