import * as os from "node:os";

const { username, homedir } = os.userInfo();
console.log(username, homedir);
