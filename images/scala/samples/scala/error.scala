object Main extends App {
  sys.error("broken")
}
