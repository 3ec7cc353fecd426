(princ (read-from-minibuffer ""))
(terpri)
