const std = @import("std");

pub fn main() !void {
    const out = std.io.getStdOut().writer();
    var buffer: [80]u8 = undefined;
    try out.writeAll("name? ");
    const line = try std.io.getStdIn().reader().readUntilDelimiter(&buffer, '\n');
    try out.print("Hello, {s}!\n", .{line});
}
