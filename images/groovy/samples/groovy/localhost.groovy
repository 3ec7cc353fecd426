def server = new ServerSocket(8080)
def client = new Socket("localhost", 8080)
server.accept().withStreams { input, output -> output << "Hello, localhost!\n" }
println client.inputStream.newReader().readLine()
