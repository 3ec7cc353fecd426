(use-modules (ice-9 rdelim))

(display "name? ")
(force-output)
(format #t "Hello, ~a!~%" (read-line))
