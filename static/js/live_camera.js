// What the pages with a live camera share: opening it, sending frames, drawing boxes. No state.
import { canReadCanvas } from "./canvas.js";
import { toJpeg } from "./pictures.js";

const QUALITY = 0.7; // of a frame's JPEG; the detector scales it down anyway
// Milliseconds
const RESPONSE_TIMEOUT = 15_000;
const MIN_RETRY_WAIT = 1_000;
const MAX_RETRY_WAIT = 30_000;

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Change a text only if it differs: a screen reader announces each change. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Return why no camera can be used here, or an empty text. */
export function obstacle(texts) {
  if (!window.isSecureContext) return texts.insecure;
  if (!navigator.mediaDevices?.getUserMedia) return texts.unsupported;
  return canReadCanvas() ? "" : texts.noCanvas;
}

/** Return what to say of an error of getUserMedia or play. */
export function cameraError(error, texts) {
  const known = {
    NotAllowedError: texts.denied,
    SecurityError: texts.denied,
    NotFoundError: texts.none,
    OverconstrainedError: texts.none,
    NotReadableError: texts.inUse,
    AbortError: texts.inUse,
  };
  return known[error.name] ?? texts.broken;
}

/** Return which camera to open: this one, or on a phone one that faces there. */
export function constraints(deviceId, facing = "environment") {
  const size = { width: { ideal: 1920 }, height: { ideal: 1080 } };
  if (deviceId) return { ...size, deviceId: { exact: deviceId } };
  return { ...size, facingMode: { ideal: facing } };
}

export class FrameRejected extends Error {
  constructor(response) {
    super(response.statusText);
    this.isRateLimited = response.status === 429;
    const seconds = Number(response.headers.get("Retry-After"));
    if (seconds > 0) this.retryAfter = seconds * 1000;
  }
}

/** Send the current frame, with more fields of a form, and resolve with the site's answer. */
export async function sendFrame(url, video, side, signal, fields = {}) {
  const { videoWidth, videoHeight } = video;
  const body = new FormData();
  const frame = await toJpeg(video, videoWidth, videoHeight, side, [QUALITY]);
  signal.throwIfAborted(); // turned off meanwhile: nothing more is sent
  body.append("picture", frame, "frame.jpg");
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(RESPONSE_TIMEOUT)]);
  const response = await fetch(url, { method: "POST", body, signal: timeout });
  if (!response.ok) throw new FrameRejected(response);
  return response.json();
}

/** Return the milliseconds to wait after so many failures in a row. */
export function retryWait(error, failures) {
  return error.retryAfter ?? Math.min(MIN_RETRY_WAIT * 2 ** (failures - 1), MAX_RETRY_WAIT);
}

/** Draw outlines of a picture of `width` × `height` pixels on an SVG; without, clear it. */
export function drawOutlines(boxes, picture) {
  if (picture) boxes.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
  const unit = picture && Math.min(picture.width, picture.height) / 100;
  boxes.replaceChildren(...(picture?.outlines ?? []).map((outline) => labelledBox(boxes, outline, unit)));
}

/** Return a box with its tab outside of it, or inside where there is no room above or below. */
function labelledBox(boxes, { left, top, right, bottom, text }, unit) {
  const svg = (name, attributes = {}) => {
    const element = document.createElementNS(boxes.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const group = svg("g");
  for (const kind of ["rim", "line"]) {
    group.append(svg("rect", { class: kind, x: left, y: top, width: right - left, height: bottom - top }));
  }
  const [font, { width: pictureWidth, height: pictureHeight }] = [4 * unit, boxes.viewBox.baseVal];
  const [width, height] = [font * (0.62 * text.length + 0.8), font * 1.4];
  const places = [top - height - unit, bottom + unit, top + unit];
  const y = places.find((place) => place >= 0 && place + height <= pictureHeight) ?? 0;
  const x = Math.max(0, Math.min(left, pictureWidth - width));
  const name = svg("text", { x: x + width / 2, y: y + height / 2, "font-size": font });
  name.textContent = text;
  group.append(svg("rect", { class: "tab", x, y, width, height, rx: font / 4 }), name);
  return group;
}
