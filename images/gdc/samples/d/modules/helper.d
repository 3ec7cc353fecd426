module helper;

string greeting() {
    return "Hello, module!";
}
