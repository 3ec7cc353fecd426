import java.net.{ServerSocket, Socket}
import scala.io.Source

object Main extends App {
  val server = new ServerSocket(8080)
  val client = new Socket("localhost", 8080)
  val accepted = server.accept()
  accepted.getOutputStream.write("Hello, localhost!\n".getBytes)
  accepted.close()
  println(Source.fromInputStream(client.getInputStream).getLines().next())
}
