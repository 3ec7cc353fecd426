import * as crypto from 'crypto';
import _ from 'lodash';

const numbers: number[] = _.range(1, 4);
const digest: string = crypto.createHash('sha256').update('').digest('hex');
console.log(_.reduce(numbers, (product, number) => product * number, 1) * (digest.startsWith('e3b0') ? 7 : 0));
