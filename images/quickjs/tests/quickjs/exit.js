std.exit(3);
