fun main() {
    println(readln())
}
