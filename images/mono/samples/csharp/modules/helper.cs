static class Helper {
    public static string Greeting() {
        return "Hello, module!";
    }
}
