(import (chicken io))

(display "name? ")
(flush-output)
(print "Hello, " (read-line) "!")
