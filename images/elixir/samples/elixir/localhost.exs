options = [:binary, packet: :line, active: false]
{:ok, server} = :gen_tcp.listen(8080, options)
{:ok, client} = :gen_tcp.connect(~c"localhost", 8080, options)
{:ok, accepted} = :gen_tcp.accept(server)
:ok = :gen_tcp.send(accepted, "Hello, localhost!\n")
{:ok, line} = :gen_tcp.recv(client, 0)
IO.write(line)
