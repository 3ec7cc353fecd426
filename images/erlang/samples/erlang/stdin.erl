main(_) ->
    io:put_chars(io:get_line("")).
