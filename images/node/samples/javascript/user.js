const os = require('os');

const { username, homedir } = os.userInfo();
console.log(username, homedir);
