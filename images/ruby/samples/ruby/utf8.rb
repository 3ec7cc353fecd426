puts "Größe 日本"
puts gets
