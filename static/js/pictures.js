// Pictures on their way to the site: made small, and sent.

const QUALITIES = [0.9, 0.8, 0.7, 0.6, 0.5];
const MOST_BYTES = 1_000_000;

/**
 * A JPEG of a picture: upright, without metadata, at most `maxSide` pixels long. A picture that
 * this browser cannot read, such as HEIC, comes back as it is: the site can read more.
 */
export async function shrink(file, maxSide) {
  if (file.type === "image/gif") return file; // it may hold several pictures, and says so
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

/** A JPEG of anything that a canvas can draw, of `width` × `height` pixels. */
export async function toJpeg(source, width, height, maxSide, qualities = QUALITIES) {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  let jpeg;
  for (const quality of qualities) {
    jpeg = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    if (!jpeg) throw new Error("the canvas gave no picture");
    if (jpeg.size <= MOST_BYTES) break;
  }
  return jpeg;
}

function inWords({ title, detail, status, request_id: number }) {
  return `${title}. ${detail}${status < 500 ? "" : ` (${number})`}`;
}

/** What the site answered to a picture that it did not take; its words are for the visitor. */
export class Refused extends Error {}

/**
 * Send a picture to `url`; resolves with the JSON of the answer. `sent` hears the share that is
 * sent, `signal` aborts. XMLHttpRequest, because `fetch` cannot tell how far an upload is.
 */
export function send(url, picture, { sent = () => {}, signal } = {}) {
  const form = new FormData();
  form.append("picture", picture, picture.name ?? "picture.jpg");
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    request.open("POST", url);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
    request.upload.onload = () => sent(1);
    request.onerror = () => reject(new TypeError("no connection"));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.onload = () => {
      const answer = request.response;
      if (request.status < 400 && answer) resolve(answer);
      else if (answer?.title) reject(new Refused(inWords(answer)));
      else reject(new TypeError("no answer of ours"));
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
