void main() {
    throw new Exception("broken");
}
