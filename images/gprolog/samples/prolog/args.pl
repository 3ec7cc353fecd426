:- initialization(main).

main :- argument_list(Arguments), show(Arguments).

show([]).
show([A|Rest]) :- write(A), nl, show(Rest).
