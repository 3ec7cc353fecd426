(load (expand-file-name "helper.el") nil t)
(princ (greeting))
(terpri)
