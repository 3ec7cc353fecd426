pub fn main() void {
    @panic("broken");
}
