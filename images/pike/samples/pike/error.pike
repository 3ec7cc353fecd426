int main() {
    error("broken\n");
}
