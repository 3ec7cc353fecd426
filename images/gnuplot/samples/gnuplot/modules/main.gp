load "helper.gp"
set print "-"
print greeting
