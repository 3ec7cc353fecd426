#lang racket/base
(displayln (read-line))
