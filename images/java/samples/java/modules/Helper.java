class Helper {
    static String greeting() {
        return "Hello, module!";
    }
}
