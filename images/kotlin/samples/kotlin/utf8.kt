fun main() {
    println("Größe 日本")
    println(readln())
}
