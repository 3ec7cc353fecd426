// The JavaScript client against a service with tokens; run by test_javascript.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, TokenRefused } from "bitrun";

const { BITRUN_URL: url, BITRUN_TOKEN: token } = process.env;

test("a token", async () => {
  const client = new Client(url, { token });
  assert.equal((await client.run("bash", "echo a")).stdout, "a\n");
  const texts = [];
  for await (const event of client.stream("bash", "echo b")) texts.push(event.text ?? "");
  assert.equal(texts.join(""), "b\n");
});

test("without one", async () => {
  const client = new Client(url);
  await assert.rejects(client.run("bash", "echo a"), TokenRefused);
  const events = client.stream("bash", "echo b");
  await assert.rejects(events.next(), TokenRefused);
});
