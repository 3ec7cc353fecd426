identification division.
program-id. echo.
data division.
working-storage section.
01 line-read pic x(80).
procedure division.
    display "Größe 日本".
    accept line-read.
    display function trim(line-read trailing).
    stop run.
