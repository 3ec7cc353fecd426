object Warm {
  case class Point(x: Int, y: Int)

  def main(args: Array[String]): Unit = {
    val points = List(1, 2, 3).map(x => Point(x, x * x)).groupBy(_.x)
    println(s"${points.size} ${points.values.flatten.map(_.y).sum}")
  }
}
