(load "helper.scm")

(print (greeting))
