(load "helper.lisp" :verbose nil)

(write-line (greeting))
