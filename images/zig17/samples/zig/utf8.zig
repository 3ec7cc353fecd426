const std = @import("std");

pub fn main(init: std.process.Init) !void {
    const out = std.Io.File.stdout();
    try out.writeStreamingAll(init.io, "Größe 日本\n");
    var buffer: [80]u8 = undefined;
    const length = std.os.linux.read(0, &buffer, buffer.len);
    try out.writeStreamingAll(init.io, buffer[0..length]);
}
