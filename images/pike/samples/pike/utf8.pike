int main() {
    write("Größe 日本\n");
    write("%s\n", Stdio.stdin->gets());
    return 0;
}
