// @jupyterlab/services from npm, in Node.js, against the server and with the token of the arguments.

import {
  ContentsManager, KernelManager, KernelSpecManager, ServerConnection, SessionManager,
} from "@jupyterlab/services";
import WebSocket from "ws";

const [server, token] = process.argv.slice(2);
const serverSettings = ServerConnection.makeSettings({
  baseUrl: server, wsUrl: server.replace("http", "ws"), token, appendToken: true, WebSocket,
});

const found = {};
const specs = new KernelSpecManager({ serverSettings });
await specs.ready;
found.default = specs.specs.default;

const kernels = new KernelManager({ serverSettings });
const sessions = new SessionManager({ serverSettings, kernelManager: kernels });
await sessions.ready;

async function run(kernel, code, onInput) {
  const outputs = [];
  const future = kernel.requestExecute({ code, allow_stdin: onInput !== undefined });
  future.onIOPub = message => {
    const { content, header } = message;
    if (header.msg_type === "stream") outputs.push(content.text);
    if (header.msg_type === "error") outputs.push(content.ename);
    if (header.msg_type.match(/display_data|execute_result/)) outputs.push(Object.keys(content.data).sort());
  };
  future.onStdin = message => {
    outputs.push(message.content.prompt);
    onInput(future, message);
  };
  const reply = await future.done;
  return [reply.content.status, ...outputs];
}

const session = await sessions.startNew({
  path: "a.ipynb", name: "a", type: "notebook", kernel: { name: found.default },
});
const kernel = session.kernel;
found.hello = await run(kernel, "print('Hello')");
found.value = await run(kernel, "6 * 7");
found.input = await run(kernel, "print(input('name? '))", (future, message) => {
  future.sendInputReply({ status: "ok", value: "Ada" }, message.header);
});
const busy = run(kernel, "import time\nprint('begun', flush=True)\ntime.sleep(600)");
while (kernel.status !== "busy") await new Promise(resolve => kernel.statusChanged.connect(resolve));
await new Promise(resolve => kernel.iopubMessage.connect(
  (_, message) => message.header.msg_type === "stream" && resolve()));
await kernel.interrupt();
found.interrupted = await busy;

const contents = new ContentsManager({ serverSettings });
await contents.save(`${kernel.id}/in.csv`, { type: "file", format: "text", content: "a,b\n1,2\n" });
found.read = await run(kernel, "print(open('in.csv').read(), end='')\nopen('out.bin', 'wb').write(bytes([0, 255]));");
found.listed = (await contents.get(kernel.id)).content.map(entry => entry.name).sort();
found.bytes = (await contents.get(`${kernel.id}/out.bin`, { type: "file", format: "base64", content: true })).content;
found.renamed = (await contents.rename(`${kernel.id}/in.csv`, `${kernel.id}/new.csv`)).name;
await contents.delete(`${kernel.id}/new.csv`);
found.left = (await contents.get(kernel.id)).content.map(entry => entry.name).sort();

await kernel.restart();
found.restarted = await run(kernel, "print('x' in globals())");
const other = kernels.connectTo({ model: kernel.model });
const seen = new Promise(resolve => other.iopubMessage.connect(
  (_, message) => message.header.msg_type === "stream" && resolve(message.content.text)));
await other.info;
await run(kernel, "print('to both')");
found.other = await seen;
const dead = new Promise(resolve => other.statusChanged.connect((_, status) => status === "dead" && resolve(status)));
await session.shutdown();
found.dead = await dead;
await kernels.refreshRunning();
found.running = [...kernels.running()].length;
console.log(JSON.stringify(found));
process.exit(0);
