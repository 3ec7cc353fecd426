(import sys)

(for [argument (cut sys.argv 1 None)]
  (print argument))
