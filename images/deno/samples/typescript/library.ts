import { createHash } from "node:crypto";

const digest = createHash("sha256").update("").digest("hex");
console.log(digest.startsWith("e3b0c442") ? [6, 7].reduce((a, b) => a * b) : digest);
