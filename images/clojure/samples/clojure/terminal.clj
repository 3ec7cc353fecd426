(print "name? ")
(flush)
(println (str "Hello, " (read-line) "!"))
