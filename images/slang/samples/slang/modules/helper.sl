public define greeting() {
    return "Hello, module!";
}
