import std.stdio;
import std.string;

void main() {
    write("name? ");
    writefln("Hello, %s!", readln().strip());
}
