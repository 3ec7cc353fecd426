cat(readLines("stdin", n = 1), "\n", sep = "")
