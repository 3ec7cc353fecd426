identification division.
program-id. leave.
procedure division.
    move 3 to return-code.
    stop run.
