#include <netdb.h>
#include <iostream>
#include <sys/socket.h>
#include <unistd.h>

int main()
{
    addrinfo hints = {}, *address;
    char text[100] = "";

    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo("localhost", "8080", &hints, &address) != 0)
        return 1;
    int server = socket(address->ai_family, SOCK_STREAM, 0);
    int client = socket(address->ai_family, SOCK_STREAM, 0);
    if (bind(server, address->ai_addr, address->ai_addrlen) < 0 || listen(server, 1) < 0 ||
        connect(client, address->ai_addr, address->ai_addrlen) < 0)
        return 2;
    write(accept(server, nullptr, nullptr), "Hello, localhost!\n", 18);
    read(client, text, sizeof text - 1);
    std::cout << text;
    return 0;
}
