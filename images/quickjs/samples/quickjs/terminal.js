std.out.puts("name? ");
std.out.flush();
console.log(`Hello, ${std.in.getline()}!`);
