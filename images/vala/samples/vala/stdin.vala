void main() {
    stdout.printf("%s\n", stdin.read_line());
}
