import std.socket;
import std.stdio;

void main() {
    char[100] text;
    auto address = getAddress("localhost", 8080)[0];
    auto server = new TcpSocket(address.addressFamily);
    server.bind(address);
    server.listen(1);
    auto client = new TcpSocket(address);
    server.accept().send("Hello, localhost!\n");
    write(text[0 .. client.receive(text)]);
}
