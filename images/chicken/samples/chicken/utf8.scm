(import (chicken io))

(print "Größe 日本")
(print (read-line))
