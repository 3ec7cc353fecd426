main(_) ->
    {ok, helper} = compile:file("helper.erl"),
    io:format("~ts~n", [helper:greeting()]).
