cat("name? ")
name <- readLines("stdin", n = 1)
cat("Hello, ", name, "!\n", sep = "")
