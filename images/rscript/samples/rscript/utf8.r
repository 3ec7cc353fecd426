cat("Größe 日本\n")
cat(readLines("stdin", n = 1), "\n", sep = "")
