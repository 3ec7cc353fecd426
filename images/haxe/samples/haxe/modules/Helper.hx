class Helper {
    public static function greeting():String {
        return "Hello, module!";
    }
}
