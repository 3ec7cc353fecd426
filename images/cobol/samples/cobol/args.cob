identification division.
program-id. arguments.
data division.
working-storage section.
01 argument pic x(80).
01 how-many pic 9(4).
procedure division.
    accept how-many from argument-number.
    perform how-many times
        accept argument from argument-value
        display function trim(argument trailing)
    end-perform.
    stop run.
