(use-modules (ice-9 rdelim))

(display "Größe 日本")
(newline)
(display (read-line))
(newline)
