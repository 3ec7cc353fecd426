/** Writes ZIP archives, without compression. */

export interface Entry {
  name: string;
  content: Uint8Array;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});
const UTF8_NAMES = 0x0800;
const VERSION = 20;
const FIRST_OF_JANUARY_1980 = 0x21; // the earliest date that the format has

export function zip(entries: Entry[]): Blob {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, content } of entries) {
    const path = new TextEncoder().encode(name);
    const checksum = crc32(content);
    const about = [
      [VERSION, 2], [UTF8_NAMES, 2], [0, 2], [0, 2], [FIRST_OF_JANUARY_1980, 2],
      [checksum, 4], [content.length, 4], [content.length, 4], [path.length, 2], [0, 2],
    ] as const;
    const header = fields([0x04034b50, 4], ...about);
    parts.push(header, path, content);
    // Comment, disk, attributes and offset follow what the header has.
    directory.push(
      fields([0x02014b50, 4], [VERSION, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]),
      path,
    );
    offset += header.length + path.length + content.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = entries.length;
  const end = fields([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [offset, 4], [0, 2]);
  return new Blob([...parts, ...directory, end] as BlobPart[], { type: "application/zip" });
}

/** Encodes numbers of 2 or 4 bytes, little-endian. */
function fields(...values: (readonly [value: number, bytes: number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of values) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

function crc32(content: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of content) rest = (rest >>> 8) ^ CRC_TABLE[(rest ^ byte) & 0xff]!;
  return (rest ^ 0xffffffff) >>> 0;
}
