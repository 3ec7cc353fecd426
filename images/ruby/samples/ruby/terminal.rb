print "name? "
puts "Hello, #{gets.chomp}!"
