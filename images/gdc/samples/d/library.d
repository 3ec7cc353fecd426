import std.bigint;
import std.json;
import std.stdio;

void main() {
    auto numbers = parseJSON("[6, 7]").array;
    writeln(BigInt(numbers[0].integer) * numbers[1].integer);
}
