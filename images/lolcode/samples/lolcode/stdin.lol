HAI 1.2
  I HAS A line
  GIMMEH line
  VISIBLE line
KTHXBYE
