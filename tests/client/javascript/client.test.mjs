// The JavaScript client against the service at BITRUN_URL; run by test_javascript.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AlreadyInstalled,
  BitRunError,
  Client,
  Refused,
  Unreachable,
} from "bitrun";

const client = new Client(process.env.BITRUN_URL);

async function collect(events) {
  const found = [];
  for await (const event of events) found.push(event);
  return found;
}

const written = (events) => events.map((event) => event.text ?? "").join("");

test("a run", async () => {
  const code = "import sys; print(input()[::-1], sys.argv[1:]); print('but', file=sys.stderr)";
  const result = await client.run("py", code, { version: "3.x", stdin: "nuRtiB", args: ["a b", "1"] });
  assert.equal(result.language, "python");
  assert.match(result.version, /^3\./);
  assert.equal(result.stdout, "BitRun ['a b', '1']\n");
  assert.equal(result.stderr, "but\n");
  assert.equal(result.ok, true);
  assert.deepEqual(result.stages.map((stage) => stage.name), ["run"]);
  const { wallMs, cpuMs, memory, ...others } = result.verdict;
  assert.deepEqual(others, { outcome: "ok", code: 0, signal: null, detail: null, oomKilled: false });
  assert.ok(wallMs > 0 && cpuMs > 0 && memory > 1_000_000);
});

test("files, text and bytes", async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index);
  const files = {
    "main.py": "from lib.helper import name; print(name, open('data', 'rb').read()[250:260])",
    "lib/helper.py": "name = 'BitRün'",
    data: bytes,
  };
  const result = await client.run("python", null, { files });
  assert.equal(result.stdout, "BitRün b'\\xfa\\xfb\\xfc\\xfd\\xfe\\xff\\x00\\x01\\x02\\x03'\n");
});

test("pairs of files keep their order", async () => {
  const files = [["main.py", "print(open('1').read(), end='')"], ["1", "one"]];
  for (const pairs of [files, new Map(files)]) {
    assert.equal((await client.run("python", null, { files: pairs })).stdout, "one");
  }
});

test("files that the program makes", async () => {
  const code = "printf é >text; head -c 300000 /dev/zero >zeros; mkfifo fifo";
  const plain = ({ name, content }) => [name, content.length];
  const made = [["text", 2], ["zeros", 300_000]];
  const result = await client.run("bash", code, { outputFiles: ["*"] });
  assert.deepEqual(result.files.map(plain), made);
  assert.equal(new TextDecoder().decode(result.files[0].content), "é");
  assert.deepEqual(result.filesDropped.map(({ name, reason }) => [name, reason]), [["fifo", "not_regular"]]);
  assert.deepEqual((await client.run("bash", code)).files, []);
  const events = await collect(client.stream("bash", code, { outputFiles: ["*"] }));
  assert.deepEqual(events.map(({ type }) => type), ["started", "ended", "file", "file", "dropped"]);
  assert.deepEqual(events.slice(2, 4).map(({ file }) => plain(file)), made);
});

test("stages", async () => {
  const run = await client.run("c", "int main(void) { return 42; }");
  assert.deepEqual(run.stages.map((stage) => stage.name), ["compile", "run"]);
  assert.deepEqual([run.ok, run.verdict.outcome, run.verdict.code], [false, "exit", 42]);
  const failed = await client.run("c", "int main(void) { return x; }");
  assert.deepEqual(failed.stages.map((stage) => stage.name), ["compile"]);
  assert.match(failed.stderr, /undeclared/);
});

test("options", async () => {
  const options = { env: { NAME: "value" }, timeoutMs: 300 };
  const result = await client.run("bash", "echo $NAME; exec sleep 9", options);
  assert.equal(result.stdout, "value\n");
  assert.deepEqual([result.verdict.outcome, result.verdict.signal], ["wall_time", "SIGKILL"]);
  assert.match(result.verdict.detail, /300 ms/);
  const args = await client.run("c", "int main(void) { return N; }", { compileArgs: ["-DN=7"] });
  assert.equal(args.verdict.code, 7);
});

test("an unknown option is a TypeError", async () => {
  await assert.rejects(client.run("bash", "", { timeout: 3 }), TypeError);
  assert.throws(() => client.interact("bash", "", { toString: 3 }), TypeError);
});

test("a caller can give up", async () => {
  const started = performance.now();
  const signal = AbortSignal.timeout(500);
  await assert.rejects(client.run("bash", "sleep 9", { signal }), { name: "TimeoutError" });
  assert.ok(performance.now() - started < 8000);
});

test("refusals", async () => {
  await assert.rejects(client.run("pyton", ""), (error) => {
    assert.ok(error instanceof Refused && error instanceof BitRunError);
    assert.equal(error.name, "Refused");
    assert.equal(error.status, 400);
    assert.match(error.message, /python/);
    return true;
  });
});

test("other servers", async () => {
  await assert.rejects(new Client("http://127.0.0.1:9").runtimes(), Unreachable);
  const other = new Client(new URL("docs/", process.env.BITRUN_URL));
  await assert.rejects(other.runtimes(), BitRunError);
});

test("lists", async () => {
  const runtimes = await client.runtimes();
  const python = runtimes.find((runtime) => runtime.language === "python");
  assert.ok(python.aliases.includes("py"));
  assert.equal(python.package, null);
  assert.ok(python.limits.run_timeout.default > 0);
  assert.equal(runtimes.find((runtime) => runtime.language === "c").package, "gcc");
  const packages = await client.packages();
  assert.equal(packages.find((each) => each.name === "bash").installed, true);
  assert.equal((await client.extensions()).get("C").language, "c++");
});

test("packages", async () => {
  await assert.rejects(client.install("bash"), AlreadyInstalled);
  await assert.rejects(client.uninstall("pyton"), Refused);
});

test("a stream", async () => {
  const events = await collect(client.stream("bash", "read a; echo out; echo err >&2", { stdin: "x" }));
  assert.deepEqual(events.map((event) => event.type), ["started", "output", "output", "ended"]);
  assert.equal(events.at(-1).verdict.outcome, "ok");
  assert.deepEqual(events.filter((event) => event.type === "output").map((event) => event.stream), [
    "stdout",
    "stderr",
  ]);
});

test("leaving a stream ends the program", async () => {
  for await (const event of client.stream("bash", "while :; do echo x; sleep 0.1; done")) {
    if (event.type === "output") break;
  }
});

test("a session", async () => {
  const session = client.interact("python", "while True: print(int(input('n? ')) * 2, flush=True)");
  const seen = [];
  let waiting = 3;
  for await (const event of session) {
    if (event.type !== "output") continue;
    seen.push(event.text);
    if (seen.join("").endsWith("n? ")) {
      if (waiting-- > 0) session.write(`${waiting}\n`);
      else break;
    }
  }
  assert.equal(seen.join(""), "n? 4\nn? 2\nn? 0\nn? ");
});

test("a terminal", async () => {
  const tty = { rows: 30, columns: 100 };
  const code = "stty size; read -p 'name? ' name; stty size; echo Hello $name";
  const session = client.interact("bash", code, { tty });
  let seen = "";
  for await (const event of session) {
    seen += event.text ?? "";
    if (seen.endsWith("? ")) {
      session.resize({ rows: 10, columns: 40 });
      session.write("you\n");
    }
  }
  assert.equal(seen, "30 100\r\nname? you\r\n10 40\r\nHello you\r\n");
});

test("a signal", async () => {
  const session = client.interact("bash", "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.1; done");
  let verdict;
  for await (const event of session) {
    if (event.type === "output" && event.text === "ready\n") session.signal("SIGINT");
    if (event.type === "ended") verdict = event.verdict;
  }
  assert.deepEqual([verdict.outcome, verdict.code], ["exit", 3]);
});

test("a session is refused", async () => {
  await assert.rejects(collect(client.interact("pyton", "")), Refused);
  await assert.rejects(collect(new Client("http://127.0.0.1:9").interact("bash", "")), Unreachable);
});

test("uploads", async () => {
  const upload = await client.upload("Größe & 1.bin", new Uint8Array(1000));
  assert.deepEqual([upload.name, upload.size], ["Größe & 1.bin", 1000]);
  assert.ok(upload.expiresAt > new Date());
  assert.ok((await client.uploads()).some(({ id }) => id === upload.id));
  const code = "print(len(open('data', 'rb').read()))";
  const result = await client.run("python", code, { files: { data: upload } });
  assert.equal(result.stdout, "1000\n");
  await client.deleteUpload(upload);
  await assert.rejects(client.run("python", code, { files: { data: upload } }), Refused);
});

test("a sandbox", async () => {
  const sandbox = await client.sandbox("bash", { files: { "in.txt": "five\n" }, env: { A: "1" }, minutes: 5 });
  const stage = await sandbox.exec("cat in.txt; echo $A $B >&2; exit 3", { env: { B: "2" } });
  assert.deepEqual([stage.stdout, stage.stderr, stage.output], ["five\n", "1 2\n", "five\n1 2\n"]);
  assert.deepEqual([stage.verdict.outcome, stage.verdict.code], ["exit", 3]);
  assert.equal((await sandbox.exec(["pwd"], { cwd: "/tmp" })).stdout, "/tmp\n");
  assert.equal((await sandbox.run("cat; echo $1", { stdin: "in", args: ["a"] })).stdout, "in\na\n");
  const events = await collect(sandbox.stream("echo a; echo b >&2; exit 2"));
  assert.equal(written(events), "a\nb\n");
  assert.equal(events.at(-1).verdict.code, 2);
  const info = await sandbox.info();
  assert.deepEqual([info.id, info.language, info.memory], [sandbox.id, "bash", 256 << 20]);
  assert.equal(info.expiresAt - info.lastActiveAt, 300_000);
  assert.deepEqual((await client.sandboxes()).map(({ id }) => id), [sandbox.id]);
  const again = await client.openSandbox(sandbox.id);
  await again.delete();
  await assert.rejects(sandbox.exec("true"), { name: "Refused", status: 410, message: /it was deleted/ });
  await assert.rejects(collect(sandbox.stream("true")), { name: "Refused", status: 410 });
  await assert.rejects(client.sandbox("cobal"), { name: "Refused", message: /No language is called cobal/ });
  await assert.rejects(client.sandbox("bash", { memry: 5 }), TypeError);
  const online = client.sandbox("bash", { allowedDomains: ["pypi.org"] });
  await assert.rejects(online, { name: "Refused", status: 400, message: /have no network here/ });
});

test("files of a sandbox", async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index);
  const sandbox = await client.sandbox("bash");
  await sandbox.write("d/é ?#.bin", bytes);
  await sandbox.write("d/run", "#!/bin/sh\necho run\n", { mode: 0o755 });
  await sandbox.write("a.tar", new Blob(["no archive"], { type: "application/x-tar" }));
  assert.equal((await sandbox.exec(["d/run"])).stdout, "run\n");
  assert.deepEqual(await sandbox.read("d/é ?#.bin"), bytes);
  const entries = await sandbox.list("d");
  assert.deepEqual(entries.map(({ name, kind, size }) => [name, kind, size]), [
    ["run", "file", 19],
    ["é ?#.bin", "file", bytes.length],
  ]);
  assert.equal(entries[0].mode, 0o755);
  await sandbox.remove("d/run");
  assert.deepEqual((await sandbox.list()).map(({ name }) => name), ["a.tar", "d"]);
  await assert.rejects(sandbox.read("d"), { name: "Refused", message: "d is a folder" });
  await assert.rejects(sandbox.read("none"), { name: "Refused", status: 404 });
  for (const path of ["../..", "d/../../../other", "/etc/passwd"]) {
    await assert.rejects(sandbox.read(path), { name: "Refused", status: 400 });
  }
  assert.deepEqual(await sandbox.read("d/../d/./é ?#.bin"), bytes);
  await sandbox.delete();
});

test("commands in the background", async () => {
  const sandbox = await client.sandbox("bash");
  const command = await sandbox.start("while read x; do echo got $x; done; exit 3", { stdinOpen: true });
  await command.write("one\n");
  const first = await command.output(0, { waitMs: 20_000 });
  assert.deepEqual([first.stdout, first.status, first.dropped], ["got one\n", "running", 0]);
  assert.equal((await command.wait({ timeoutMs: 10 })).status, "running");
  await command.write("two\n", { end: true });
  const ended = await command.wait();
  assert.deepEqual([ended.status, ended.verdict.code, ended.outputSize], ["ended", 3, 16]);
  const parts = await collect(sandbox.command(command.id).follow(first.nextOffset));
  assert.equal(parts.map((part) => part.output).join(""), "got two\n");
  assert.deepEqual((await sandbox.commands()).map(({ id }) => id), [command.id]);
  const sleeper = await sandbox.start(["sleep", "600"]);
  await sleeper.signal();
  assert.equal((await sleeper.wait()).verdict.signal, "SIGTERM");
  await sleeper.delete();
  await assert.rejects(sleeper.info(), { name: "Refused", status: 404 });
  await sandbox.delete();
});

test("a terminal in a sandbox", async () => {
  const sandbox = await client.sandbox("bash");
  const terminal = sandbox.terminal({ tty: { rows: 30, columns: 100 } });
  let screen = "";
  terminal.write("stty size; exit 5\r");
  for await (const event of terminal) {
    if (event.type === "output") screen += event.text;
    if (event.type === "ended") assert.equal(event.verdict.code, 5);
  }
  assert.match(screen, /30 100\r\n/);
  assert.equal(written(await collect(sandbox.terminal({ command: ["echo", "hi"] }))), "hi\r\n");
  await sandbox.delete();
  await assert.rejects(collect(sandbox.terminal()), { name: "Refused", status: 410, message: /it was deleted/ });
});
