// Write a table as CSV for spreadsheets.

/** Return rows of cells as CSV (RFC 4180, with a byte order mark, so that Excel reads UTF-8). */
export function toCsv(rows) {
  return `\uFEFF${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** Return a quoted cell. A spreadsheet would execute a text that begins like a formula. */
function cell(value) {
  const text = String(value ?? "");
  const safe = typeof value === "string" && /^[\s]*[=+\-@\t\r\n|]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
