function greeting() {
    return "Hello, module!";
}
