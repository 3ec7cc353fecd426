import scala.io.StdIn

object Main extends App {
  val name = StdIn.readLine("name? ")
  println(s"Hello, $name!")
}
