greeting <- function() "Hello, module!"
