(format t "name? ")
(finish-output)
(format t "Hello, ~a!~%" (read-line))
