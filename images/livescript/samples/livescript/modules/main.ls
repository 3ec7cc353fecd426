{ greeting } = require "./helper"

console.log greeting!
