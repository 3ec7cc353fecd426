HAI 1.2
  VISIBLE "Größe 日本"
  I HAS A line
  GIMMEH line
  VISIBLE ":{line}"
KTHXBYE
