object Helper {
  def greeting: String = "Hello, module!"
}
