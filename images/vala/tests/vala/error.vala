void main() {
    error("broken");
}
