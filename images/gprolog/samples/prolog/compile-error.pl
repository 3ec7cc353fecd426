:- initialization(main).

main :- write('unfinished.
