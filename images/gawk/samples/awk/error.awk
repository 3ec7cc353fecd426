BEGIN { printf "%d %", substr("text", 1 }
