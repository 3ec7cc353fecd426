require "socket"

server = TCPServer.new("localhost", 8080)
spawn { server.accept(&.puts "Hello, localhost!") }
puts TCPSocket.new("localhost", 8080).gets
