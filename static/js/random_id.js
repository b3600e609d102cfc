// Ids that nothing else has, also over plain HTTP: crypto.randomUUID is in secure contexts only, so
// a phone in the same network would not have it.

/** Return 128 random bits as hexadecimal digits. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
