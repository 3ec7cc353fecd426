const std = @import("std");

pub fn main() !void {
    std.debug.print("{s} {d}\n", .{ "warm", 1 });
}
