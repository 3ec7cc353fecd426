import helper
print greeting$()
