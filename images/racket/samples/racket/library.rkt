#lang racket/base
(require json)

(displayln (apply * (string->jsexpr "[6, 7]")))
