cat(Sys.info()[["user"]], " ", path.expand("~"), "\n", sep = "")
