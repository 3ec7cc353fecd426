import * as http from 'http';

const server: http.Server = http.createServer((request, response) => response.end('Hello, localhost!'));
server.listen(8080, 'localhost', async () => {
  const response: Response = await fetch('http://localhost:8080/');
  console.log(await response.text());
  server.close();
  server.closeAllConnections();
});
