#lang racket/base
(displayln "Größe 日本")
(displayln (read-line))
