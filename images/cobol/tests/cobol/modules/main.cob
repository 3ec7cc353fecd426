identification division.
program-id. main.
procedure division.
    call "helper".
    stop run.
