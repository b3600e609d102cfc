// Resize pictures in the browser and upload them.
import { canReadCanvas } from "./canvas.js";

const QUALITIES = [0.9, 0.8, 0.7, 0.6, 0.5];
const MAX_BYTES = 1_000_000;

/**
 * Resolve with a JPEG of a picture: upright, without metadata, its longer side at most `maxSide`
 * pixels. Animated pictures, and those that this browser cannot decode, such as HEIC, are returned
 * unchanged; everything is where the browser hides canvas pixels.
 */
export async function shrink(file, maxSide) {
  if (await isAnimated(file)) return file; // a JPEG would lose that
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    return await toJpeg(bitmap, bitmap.width, bitmap.height, maxSide);
  } catch {
    return file;
  } finally {
    bitmap?.close();
  }
}

/** Resolve with whether the file is animated, by its header; any GIF counts, whatever its type. */
async function isAnimated(file) {
  const text = async (start, end) => String.fromCharCode(...new Uint8Array(await file.slice(start, end).arrayBuffer()));
  const head = await text(0, 21);
  if (head.startsWith("GIF8")) return true;
  if (head.slice(4, 12) === "ftypavis") return true;
  if (head.startsWith("RIFF") && head.slice(8, 16) === "WEBPVP8X") return (head.charCodeAt(20) & 2) !== 0;
  if (!head.startsWith("\x89PNG")) return false;
  for (let place = 8; place < file.size; ) { // chunks: length, type, content, checksum
    const header = new DataView(await file.slice(place, place + 8).arrayBuffer());
    if (header.byteLength < 8) return false;
    const type = await text(place + 4, place + 8);
    if (type === "acTL") return true;
    if (type === "IDAT") return false; // acTL must come before
    place += 12 + header.getUint32(0);
  }
  return false;
}

/** Resolve with a JPEG of a canvas image source of `width` × `height` pixels, resized to `maxSide`. */
export async function toJpeg(source, width, height, maxSide, qualities = QUALITIES) {
  if (!canReadCanvas()) throw new Error("this browser hides canvas pixels");
  const scale = Math.min(1, maxSide / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // background of transparent pixels
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  let jpeg;
  for (const quality of qualities) {
    jpeg = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    if (!jpeg) throw new Error("canvas.toBlob returned no image");
    if (jpeg.size <= MAX_BYTES) break;
  }
  return jpeg;
}

/** Return the message for a problem+json body; server errors include the request id. */
function problemMessage({ title, detail, status, request_id: requestId }) {
  return `${title}. ${detail}${status < 500 ? "" : ` (${requestId})`}`;
}

/**
 * The picture was rejected; the message is for the visitor. `status` and `retryAfter` (seconds) are
 * the response's, if the site rejected it.
 */
export class UploadRejected extends Error {
  constructor(message, status = null, retryAfter = null) {
    super(message);
    Object.assign(this, { status, retryAfter });
  }
}

/** Return the error of a response; one without our problem+json comes from a proxy in between. */
function rejection(request, body) {
  const retryAfter = Number(request.getResponseHeader("Retry-After")) || null;
  if (body?.title) return new UploadRejected(problemMessage(body), request.status, retryAfter);
  return Object.assign(new TypeError("unexpected response"), { status: request.status, retryAfter });
}

/**
 * Upload a picture to `url` and resolve with the JSON of the response. `onProgress` is called with
 * the fraction sent (0 to 1); `signal` aborts. Uses XMLHttpRequest, because `fetch` reports no
 * upload progress. Rejects with UploadRejected, AbortError, or TypeError without a connection.
 */
export function send(url, picture, { onProgress = () => {}, signal } = {}) {
  const form = new FormData();
  form.append("picture", picture, picture.name ?? "picture.jpg");
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    request.open("POST", url);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.upload.onload = () => onProgress(1);
    request.onerror = () => reject(new TypeError("no connection"));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.onload = () => {
      const body = request.response;
      if (request.status < 400 && body) resolve(body);
      else reject(rejection(request, body));
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
