const std = @import("std");

pub fn main() !void {
    try std.io.getStdOut().writer().print("Größe 日本\n", .{});
    var buffer: [80]u8 = undefined;
    const length = try std.posix.read(0, &buffer);
    _ = try std.posix.write(1, buffer[0..length]);
}
