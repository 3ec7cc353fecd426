import * as fs from "fs";

console.log("Größe 日本");
console.log(fs.readFileSync(0, "utf8").trimEnd());
