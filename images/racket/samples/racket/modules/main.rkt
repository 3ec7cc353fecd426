#lang racket/base
(require "helper.rkt")

(displayln (greeting))
