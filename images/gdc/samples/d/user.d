import core.sys.posix.pwd;
import core.sys.posix.unistd;
import std.stdio;
import std.string;

void main() {
    auto user = getpwuid(getuid());
    writeln(user.pw_name.fromStringz, " ", user.pw_dir.fromStringz);
}
