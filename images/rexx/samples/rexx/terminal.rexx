call charout , "name? "
parse pull name
say "Hello, "name"!"
