class Main {
    static function main() {
        Sys.println("Größe 日本");
        Sys.println(Sys.stdin().readLine());
    }
}
