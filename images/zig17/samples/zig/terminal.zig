const std = @import("std");

pub fn main(init: std.process.Init) !void {
    const out = std.Io.File.stdout();
    var buffer: [80]u8 = undefined;
    try out.writeStreamingAll(init.io, "name? ");
    const length = std.os.linux.read(0, &buffer, buffer.len);
    try out.writeStreamingAll(init.io, "Hello, ");
    try out.writeStreamingAll(init.io, buffer[0 .. length - 1]);
    try out.writeStreamingAll(init.io, "!\n");
}
