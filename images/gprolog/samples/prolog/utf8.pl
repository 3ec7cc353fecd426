:- initialization(main).

main :- write('Größe 日本'), nl, copy.

copy :- get_char(C), show(C).

show(end_of_file) :- !.
show(C) :- put_char(C), copy.
