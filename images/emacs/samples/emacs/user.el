(princ (format "%s %s\n" (user-login-name) (expand-file-name "~user")))
