class Main {
    static function main() {
        Sys.print("name? ");
        Sys.println('Hello, ${Sys.stdin().readLine()}!');
    }
}
