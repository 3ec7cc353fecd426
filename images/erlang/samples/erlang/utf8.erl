main(_) ->
    io:setopts([{encoding, unicode}]),
    io:format("~ts~n", ["Größe 日本"]),
    io:put_chars(io:get_line("")).
