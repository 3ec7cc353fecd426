#lang racket/base
(require racket/tcp)

(define server (tcp-listen 8080))
(define-values (in out) (tcp-connect "localhost" 8080))
(define-values (accepted-in accepted-out) (tcp-accept server))
(void (write-string "Hello, localhost!\n" accepted-out))
(close-output-port accepted-out)
(displayln (read-line in))
