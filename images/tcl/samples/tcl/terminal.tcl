puts -nonewline "name? "
flush stdout
puts "Hello, [gets stdin]!"
