fun main() {
    print("name? ")
    println("Hello, ${readln()}!")
}
