import java.net.ServerSocket
import java.net.Socket
import kotlin.concurrent.thread

fun main() {
    val server = ServerSocket(8080)
    thread { server.accept().use { it.getOutputStream().write("Hello, localhost!\n".toByteArray()) } }
    println(Socket("localhost", 8080).getInputStream().bufferedReader().readLine())
}
