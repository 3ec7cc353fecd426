void main() {
    stdout.printf("Größe 日本\n");
    stdout.printf("%s\n", stdin.read_line());
}
