(print "Größe 日本")
(print (io.read))
