greeting() {
    echo "Hello, module!"
}
