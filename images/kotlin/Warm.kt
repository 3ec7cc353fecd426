data class Point(val x: Int, val y: Int)

fun main() {
    val points = listOf(1, 2, 3).map { Point(it, it * it) }.associateBy { it.x }
    println("${points.size} ${points.values.sumOf { it.y }} ${readlnOrNull()}")
}
