(dolist (argument (cddddr (ext:command-args)))
  (write-line argument))
