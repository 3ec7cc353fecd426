/**
 * Programs in the fragment of a link, which browsers do not send to any server: JSON, compressed
 * with deflate, in base64url.
 */

import { base64url, fromBase64url } from "../../clients/javascript/src/base64.js";
import { readProgram, type Program } from "./program";

const PREFIX = "#program=";
const MAX_BYTES = 4_000_000; // a short link can inflate to any size

export async function toFragment(program: Program): Promise<string> {
  const text = new Blob([JSON.stringify(program)]).stream();
  const packed = text.pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  return PREFIX + base64url(bytes);
}

/** Returns null for a fragment without a program; throws if the program cannot be read. */
export async function fromFragment(fragment: string): Promise<Program | null> {
  if (!fragment.startsWith(PREFIX)) return null;
  const packed = new Blob([fromBase64url(fragment.slice(PREFIX.length))]).stream();
  return readProgram(JSON.parse(await inflate(packed)));
}

async function inflate(packed: ReadableStream<BufferSource>): Promise<string> {
  const reader = packed.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [text, bytes] = ["", 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > MAX_BYTES) throw new RangeError("too large");
    text += decoder.decode(value, { stream: true });
  }
}
