print "name? "
puts "Hello, #{gets}!"
