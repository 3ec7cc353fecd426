import * as os from 'os';

const { username, homedir }: { username: string; homedir: string } = os.userInfo();
console.log(username, homedir);
