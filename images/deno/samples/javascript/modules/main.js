import { greeting } from "./helper.js";

console.log(greeting());
