:- use_module(helper).
:- initialization(main).

main :- greeting(Greeting), write(Greeting), nl.
