// Calls npm's piston-client against the server named as the argument; prints the replies as JSON.
import piston from "piston-client";

const client = piston({ server: process.argv[2] });
const main = { name: "main.py", content: "import sys, lib; print(lib.x, sys.argv[1:], input())" };
const lib = { name: "lib.py", content: "x = 5" };

console.log(
  JSON.stringify({
    runtimes: await client.runtimes(),
    short: await client.execute("python", "import sys; print('żółć', sys.argv[1:])"),
    config: await client.execute({
      language: "python",
      version: "3.x",
      files: [main, lib],
      stdin: "typed",
      args: ["a b", "c"],
      compileTimeout: 10000,
      runTimeout: 3000,
      compileMemoryLimit: -1,
      runMemoryLimit: -1,
    }),
    compiled: await client.execute("c", "int main() { return 4; }"),
    unknown: await client.execute("python", "x", { version: "1.0.0" }),
    limit: await client.execute("python", "x", { runTimeout: 9999 }),
  }),
);
