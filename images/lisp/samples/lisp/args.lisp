(dolist (argument (cdr *posix-argv*))
  (write-line argument))
