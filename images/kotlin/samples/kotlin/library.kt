import java.math.BigInteger
import java.time.ZoneId
import kotlin.io.path.createTempFile
import kotlin.io.path.readText
import kotlin.io.path.writeText

fun main() {
    val file = createTempFile().apply { writeText("6 7") }
    check(ZoneId.of("Europe/Berlin").id.isNotEmpty())
    println(Regex("[0-9]+").findAll(file.readText()).map { BigInteger(it.value) }.reduce { a, b -> a * b })
}
