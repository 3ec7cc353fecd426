const name = prompt("name?");
console.log(`Hello, ${name}!`);
