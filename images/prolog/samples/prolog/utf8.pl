:- initialization(main).

main :-
    write('Größe 日本'), nl,
    read_line_to_string(user_input, Line), write(Line), nl.
