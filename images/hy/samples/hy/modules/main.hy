(import helper [greeting])

(print (greeting))
