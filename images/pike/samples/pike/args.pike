int main(int argc, array(string) argv) {
    foreach (argv[1..], string argument)
        write("%s\n", argument);
    return 0;
}
