void main() {
    stdout.printf("name? ");
    stdout.printf("Hello, %s!\n", stdin.read_line());
}
