set print "-"
print "Größe 日本"
print system("head -n1")
