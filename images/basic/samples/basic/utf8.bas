print "Größe 日本"
line input "" line$
print line$
