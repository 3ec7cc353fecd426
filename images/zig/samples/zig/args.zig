const std = @import("std");

pub fn main() !void {
    const out = std.io.getStdOut().writer();
    for (std.os.argv[1..]) |argument| {
        try out.print("{s}\n", .{argument});
    }
}
