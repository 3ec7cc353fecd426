import scala.io.StdIn

object Main extends App {
  println("Größe 日本")
  println(StdIn.readLine())
}
