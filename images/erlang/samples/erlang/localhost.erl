main(_) ->
    Options = [binary, {packet, line}, {active, false}],
    {ok, Server} = gen_tcp:listen(8080, Options),
    {ok, Client} = gen_tcp:connect("localhost", 8080, Options),
    {ok, Accepted} = gen_tcp:accept(Server),
    ok = gen_tcp:send(Accepted, "Hello, localhost!\n"),
    {ok, Line} = gen_tcp:recv(Client, 0),
    io:put_chars(Line).
