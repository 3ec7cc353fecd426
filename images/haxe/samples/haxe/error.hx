class Main {
    static function main() {
        throw "broken";
    }
}
