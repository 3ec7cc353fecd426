class Main {
    static function main() {
        Sys.println(Helper.greeting());
    }
}
