
main(Arguments) ->
    [io:format("~ts~n", [Argument]) || Argument <- Arguments].
