main(_) ->
    error(broken).
