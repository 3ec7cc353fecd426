string greeting() {
    return "Hello, module!";
}
