(load "helper.lisp")

(write-line (greeting))
