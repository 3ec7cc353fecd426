(setv name (input "name? "))
(print f"Hello, {name}!")
