source("helper.r")
cat(greeting(), "\n", sep = "")
