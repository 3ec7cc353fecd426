const std = @import("std");
const helper = @import("helper.zig");

pub fn main() !void {
    try std.io.getStdOut().writer().print("{s}\n", .{helper.greeting()});
}
