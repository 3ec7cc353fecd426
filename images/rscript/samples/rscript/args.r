cat(commandArgs(trailingOnly = TRUE), sep = "\n")
cat("\n")
