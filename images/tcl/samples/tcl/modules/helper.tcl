proc greeting {} {
    return "Hello, module!"
}
