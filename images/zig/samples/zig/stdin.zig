const std = @import("std");

pub fn main() !void {
    var buffer: [80]u8 = undefined;
    const length = try std.posix.read(0, &buffer);
    _ = try std.posix.write(1, buffer[0..length]);
}
