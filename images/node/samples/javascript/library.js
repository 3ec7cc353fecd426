const _ = require('lodash');

console.log(_.sum(_.map(_.range(1, 9), (n) => n)) + _.size({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }));
