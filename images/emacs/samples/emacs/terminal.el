(princ (format "Hello, %s!\n" (read-from-minibuffer "name? ")))
