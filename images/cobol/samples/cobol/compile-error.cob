identification division.
program-id. broken.
procedure division.
    move 1 to nowhere.
    stop run.
