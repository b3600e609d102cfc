// Read and write ZIP files with fflate, which is loaded on first use.
//
// fflate 0.8.3 neither reports nor decrypts encrypted entries (it would return garbage), so
// `hasEncryptedEntry` reads that bit of the central directory itself.

const MAX_ZIP_BYTES = 300_000_000;
const MAX_ENTRY_BYTES = 60_000_000; // packed or unpacked
const MAX_UNPACKED_BYTES = 1_000_000_000; // of all pictures taken
const PICTURE = /\.(jpe?g|png|webp|gif|avif|hei[cf]|bmp|tiff?)$/i;
const END_RECORD = 0x06054b50;
const ENTRY_RECORD = 0x02014b50;
const TYPES = { gif: "image/gif" }; // `shrink` leaves these as they are

let library = null;

async function fflate() {
  library ??= import("../vendor/fflate/fflate.js"); // a script that sets a global variable
  try {
    await library;
  } catch {
    library = null; // the next attempt loads it again
    throw new ZipRejected("offline");
  }
  return self.fflate;
}

/** A ZIP cannot be read; `reason` is "damaged", "encrypted", "tooLarge" or "offline". */
export class ZipRejected extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

export function isZip(file) {
  return /\.zip$/i.test(file.name ?? "") || ["application/zip", "application/x-zip-compressed"].includes(file.type);
}

/**
 * Resolve with the first `limit` pictures of a ZIP as `{ name, read }`, and the numbers `skipped`
 * (no pictures, or too large) and `left` (pictures beyond the limit). Nothing is unpacked before a
 * `read`, which resolves with a File. A name is the last part of an entry's, never a path. Rejects
 * with ZipRejected.
 */
export async function openZip(file, limit) {
  if (file.size > MAX_ZIP_BYTES) throw new ZipRejected("tooLarge");
  const data = new Uint8Array(await file.arrayBuffer());
  const { unzipSync } = await fflate();
  const pictures = [];
  let skipped = 0;
  let left = 0;
  let unpacked = 0;
  list(unzipSync, data, ({ name, size, originalSize }, index) => {
    const baseName = name.split(/[/\\]/).pop();
    if (/[/\\]$/.test(name)) return; // a folder
    const isHidden = baseName.startsWith(".") || name.startsWith("__MACOSX/");
    if (isHidden || !PICTURE.test(baseName) || Math.max(size, originalSize) > MAX_ENTRY_BYTES) skipped += 1;
    else if (pictures.length >= limit || unpacked + originalSize > MAX_UNPACKED_BYTES) left += 1;
    else {
      unpacked += originalSize;
      pictures.push({ name: baseName, read: async () => unpack(unzipSync, data, index, baseName) });
    }
  });
  if (hasEncryptedEntry(data)) throw new ZipRejected("encrypted");
  return { pictures, skipped, left };
}

function list(unzipSync, data, visit) {
  let index = 0;
  try {
    unzipSync(data, { filter: (entry) => (visit(entry, index++), false) });
  } catch {
    throw new ZipRejected("damaged");
  }
}

function unpack(unzipSync, data, wanted, name) {
  let index = 0;
  const [bytes] = Object.values(unzipSync(data, { filter: () => index++ === wanted }));
  return new File([bytes], name, { type: TYPES[name.split(".").pop().toLowerCase()] ?? "" });
}

function hasEncryptedEntry(data) {
  const view = new DataView(data.buffer);
  let end = data.length - 22;
  while (view.getUint32(end, true) !== END_RECORD) end -= 1; // `list` has found it before
  let at = view.getUint32(end + 16, true);
  while (at + 46 <= data.length && view.getUint32(at, true) === ENTRY_RECORD) {
    if (view.getUint16(at + 8, true) & 1) return true;
    at += 46 + [28, 30, 32].reduce((sum, offset) => sum + view.getUint16(at + offset, true), 0);
  }
  return false;
}

/** Resolve with a ZIP of `files` (`{ name, bytes }`), not compressed: JPEGs are already. */
export async function makeZip(files) {
  const { zipSync } = await fflate();
  const entries = Object.fromEntries(files.map(({ name, bytes }) => [name, bytes]));
  return new Blob([zipSync(entries, { level: 0 })], { type: "application/zip" });
}

/** Return a name for an entry of ours: numbered, without paths or control characters. */
export function entryName(index, name) {
  const stem = name.replace(/\.[^./\\]*$/, "").replace(/[^\p{L}\p{N} _.-]+/gu, "_").slice(0, 80) || "picture";
  return `${String(index + 1).padStart(2, "0")} ${stem}.jpg`;
}
