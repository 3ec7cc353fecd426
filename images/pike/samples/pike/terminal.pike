int main() {
    write("name? ");
    write("Hello, %s!\n", Stdio.stdin->gets());
    return 0;
}
