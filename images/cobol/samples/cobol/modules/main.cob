identification division.
program-id. start.
procedure division.
    call "helper".
    stop run.
