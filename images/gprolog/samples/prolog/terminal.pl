:- initialization(main).

main :-
    write('name? '), flush_output,
    get_char(C), rest(C, Name),
    atom_chars(Atom, Name), format('Hello, ~w!~n', [Atom]).

rest('\n', []) :- !.
rest(C, [C|Rest]) :- get_char(Next), rest(Next, Rest).
