#lang racket/base
(display "name? ")
(printf "Hello, ~a!\n" (read-line))
