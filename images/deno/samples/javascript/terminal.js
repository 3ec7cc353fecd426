import * as readline from "node:readline";

const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
terminal.question("name? ", (name) => {
  console.log(`Hello, ${name}!`);
  terminal.close();
});
