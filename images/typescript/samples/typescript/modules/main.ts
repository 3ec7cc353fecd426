import { greeting } from "./helper";

console.log(greeting());
