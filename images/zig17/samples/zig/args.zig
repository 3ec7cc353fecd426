const std = @import("std");

pub fn main(init: std.process.Init) !void {
    const out = std.Io.File.stdout();
    var arguments = init.minimal.args.iterate();
    _ = arguments.skip();
    while (arguments.next()) |argument| {
        try out.writeStreamingAll(init.io, argument);
        try out.writeStreamingAll(init.io, "\n");
    }
}
