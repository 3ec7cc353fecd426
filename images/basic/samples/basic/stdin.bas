line input "" line$
print line$
