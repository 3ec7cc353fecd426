#lang racket/base
(for ([argument (current-command-line-arguments)])
  (displayln argument))
