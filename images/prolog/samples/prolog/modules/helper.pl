:- module(helper, [greeting/1]).

greeting('Hello, module!').
