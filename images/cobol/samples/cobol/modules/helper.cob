identification division.
program-id. helper.
procedure division.
    display "Hello, module!".
    goback.
