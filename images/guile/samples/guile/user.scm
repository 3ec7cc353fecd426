(define user (getpwuid (getuid)))
(format #t "~a ~a~%" (passwd:name user) (passwd:dir user))
