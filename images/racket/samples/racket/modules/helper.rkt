#lang racket/base
(provide greeting)

(define (greeting) "Hello, module!")
