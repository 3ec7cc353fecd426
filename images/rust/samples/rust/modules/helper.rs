pub fn greeting() -> &'static str {
    "Hello, module!"
}
