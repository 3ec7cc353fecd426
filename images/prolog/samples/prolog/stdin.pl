:- initialization(main).

main :- read_line_to_string(user_input, Line), write(Line), nl.
