set print "-"
print ARG1
print ARG2
