HAI 1.2
  I HAS A name
  VISIBLE "name? "!
  GIMMEH name
  VISIBLE "Hello, " name "!"
KTHXBYE
