pub fn greeting() []const u8 {
    return "Hello, module!\n";
}
