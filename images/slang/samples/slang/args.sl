foreach (__argv[[1:]]) {
    variable argument = ();
    message(argument);
}
