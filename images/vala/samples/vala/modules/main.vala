void main() {
    stdout.printf("%s\n", greeting());
}
