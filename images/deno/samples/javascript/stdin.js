import * as fs from "node:fs";

process.stdout.write(fs.readFileSync(0));
