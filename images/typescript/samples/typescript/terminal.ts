import * as readline from 'readline';

const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
terminal.question('name? ', (name: string) => {
  console.log(`Hello, ${name}!`);
  terminal.close();
});
