stop("broken")
