identification division.
program-id. greet.
data division.
working-storage section.
01 given-name pic x(80).
procedure division.
    display "name? " with no advancing.
    accept given-name.
    display "Hello, " function trim(given-name trailing) "!".
    stop run.
