fun main() {
    error("broken")
}
