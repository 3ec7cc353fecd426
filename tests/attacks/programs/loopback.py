"""An honest server with its clients: prints the bytes of one connection, and 300 echoes."""

import asyncio
import os
import socket

SIZE = 100_000_000

listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    client = socket.create_connection(listener.getsockname())
    for _ in range(100):
        client.sendall(bytes(SIZE // 100))
    os._exit(0)
received = 0
connection, _ = listener.accept()
while part := connection.recv(1 << 16):
    received += len(part)
print(received)


async def echo(reader, writer):
    while part := await reader.read(1 << 16):
        writer.write(part)
        await writer.drain()
    writer.close()


async def ask(address):
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(5):
        writer.write(bytes(20_000))
        await reader.readexactly(20_000)
        await asyncio.sleep(0.1)
    writer.close()
    return 1


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=512)
    address = server.sockets[0].getsockname()
    print(sum(await asyncio.gather(*(ask(address) for _ in range(300)))))


asyncio.run(main())
