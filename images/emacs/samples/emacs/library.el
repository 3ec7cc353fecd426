(require 'json)

(princ (format "%d\n" (apply #'* (append (json-read-from-string "[6, 7]") nil))))
