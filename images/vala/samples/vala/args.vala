void main(string[] args) {
    foreach (unowned string argument in args[1:args.length])
        stdout.printf("%s\n", argument);
}
