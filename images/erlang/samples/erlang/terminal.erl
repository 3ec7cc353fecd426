main(_) ->
    Name = string:trim(io:get_line("name? ")),
    io:format("Hello, ~ts!~n", [Name]).
