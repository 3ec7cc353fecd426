identification division.
program-id. broken.
procedure division.
    call "no-such-program".
    stop run.
