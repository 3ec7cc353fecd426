-module(helper).
-export([greeting/0]).

greeting() -> "Hello, module!".
