set print "-"
print system("head -n1")
