:- initialization(main).

main :- greeting(Greeting), write(Greeting), nl.
