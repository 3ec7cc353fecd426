(define (greeting) "Hello, module!")
