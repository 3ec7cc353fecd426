import scala.collection.mutable
import scala.concurrent.ExecutionContext.Implicits.global
import scala.concurrent.duration.Duration
import scala.concurrent.{Await, Future}

object Main extends App {
  val numbers = mutable.Queue(6, 7)
  println(Await.result(Future(numbers.map(BigInt(_)).product), Duration.Inf))
}
