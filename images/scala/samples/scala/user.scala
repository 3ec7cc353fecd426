object Main extends App {
  println(s"${sys.props("user.name")} ${sys.props("user.home")}")
}
