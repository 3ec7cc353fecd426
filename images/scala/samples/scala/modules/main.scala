object Main extends App {
  println(Helper.greeting)
}
