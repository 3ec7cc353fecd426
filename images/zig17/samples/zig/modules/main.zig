const std = @import("std");
const helper = @import("helper.zig");

pub fn main(init: std.process.Init) !void {
    try std.Io.File.stdout().writeStreamingAll(init.io, helper.greeting());
}
