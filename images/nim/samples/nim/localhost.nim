import std/net

let server = newSocket()
let client = newSocket()
var accepted: Socket
server.bindAddr(Port(8080), "localhost")
server.listen()
client.connect("localhost", Port(8080))
server.accept(accepted)
accepted.send("Hello, localhost!\n")
echo client.recvLine()
