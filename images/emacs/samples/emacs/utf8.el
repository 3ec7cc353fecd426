(princ "Größe 日本\n")
(princ (read-from-minibuffer ""))
(terpri)
