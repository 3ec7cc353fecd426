func greeting() -> String {
    return "Hello, module!"
}
