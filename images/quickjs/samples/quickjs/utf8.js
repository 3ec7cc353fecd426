console.log("Größe 日本");
console.log(std.in.getline());
