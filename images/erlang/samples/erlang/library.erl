main(_) ->
    [A, B] = json:decode(<<"[6, 7]">>),
    io:format("~p~n", [A * B]).
