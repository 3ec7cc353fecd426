import std.stdio;

void main() {
    writeln("Größe 日本");
    write(readln());
}
