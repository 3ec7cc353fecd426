// Cells against the service at BITRUN_URL, whose language `jupyter` has kernels.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "bitrun";

const client = new Client(process.env.BITRUN_URL);

test("cells", async () => {
  const sandbox = await client.sandbox("jupyter");
  const first = await sandbox.runCell("import sys\nx = 6\nprint('out')\nprint('err', file=sys.stderr)\nx * 7");
  assert.deepEqual([first.ok, first.outcome, first.stdout, first.stderr], [true, "ok", "out\n", "err\n"]);
  assert.deepEqual(first.results.map(({ data, isResult }) => [data["text/plain"], isResult]), [["42", true]]);
  assert.ok(first.executionCount >= 1 && first.wallMs >= 0);
  assert.equal((await sandbox.runCell("print(x, input())", { stdin: "five\n" })).stdout, "6 five\n");
  const failed = await sandbox.runCell("1 / 0");
  assert.deepEqual([failed.outcome, failed.error.name, failed.error.value], ["error", "ZeroDivisionError", "division by zero"]);
  const late = await sandbox.runCell("while True: pass", { timeoutMs: 500 });
  assert.deepEqual([late.outcome, late.ok], ["wall_time", false]);
  assert.match(late.message, /500 ms/);
  await sandbox.restartKernel();
  assert.equal((await sandbox.runCell("x")).error.name, "NameError");
  await assert.rejects(sandbox.runCell("1", { kernel: "cobol" }), { name: "Refused" });
  await assert.rejects(sandbox.runCell("1", { timout: 1 }), TypeError);
  await sandbox.delete();
});
