main(_) ->
    io:put_chars([string:trim(os:cmd("whoami")), " ", os:getenv("HOME"), "\n"]).
