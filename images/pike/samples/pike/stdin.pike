int main() {
    write("%s\n", Stdio.stdin->gets());
    return 0;
}
