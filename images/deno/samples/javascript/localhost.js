import * as http from "node:http";

const server = http.createServer((_, response) => response.end("Hello, localhost!"));
server.listen(8080, "localhost", async () => {
  const response = await fetch("http://localhost:8080/");
  console.log(await response.text());
  server.close();
  server.closeAllConnections();
});
