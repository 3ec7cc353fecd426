(dolist (argument command-line-args-left)
  (princ argument)
  (terpri))
