// Send a video in parts: a broken connection goes on where it was, also after a reload of the page.
import { onFiles } from "./drop.js";

const RETRY_DELAYS = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000]; // milliseconds; again after each part
const MEGABYTE = 1e6;
const form = document.querySelector("form.ask");
const texts = form.dataset;
const fileInputs = [...form.querySelectorAll('input[type="file"]')];
const choice = form.querySelector(".choice");
const again = form.querySelector(".again");
const fileName = form.querySelector(".name");
const panel = form.querySelector(".going");
const progress = panel.querySelector("progress");
const status = panel.querySelector('[role="status"]');
const cancelButton = panel.querySelector(".cancel");
const sendButton = form.querySelector(".look");
const otherButton = form.querySelector(".other");
const errorText = form.querySelector(".trouble");

let library = null;
let chosen = null;
let upload = null; // the one in progress
let arrived = null; // the id of the upload of the chosen file, when all its bytes are there
let isLost = false; // whether the last one ended because the connection did
let startedAt = 0;
let startedWith = null; // bytes that were there already

form.classList.add("live");
again.hidden = true;
otherButton.hidden = false;

/** The site refused the video or the upload; the message is for the visitor. */
class Refused extends Error {}

async function tus() {
  library ??= import("../vendor/tus/tus.js"); // a script that sets a global variable
  try {
    await library;
  } catch (error) {
    library = null; // the next attempt loads it again
    throw error;
  }
  return self.tus;
}

function showError(text) {
  errorText.textContent = text;
  errorText.hidden = !text;
}

/** Show the choice, or what is sent; after a refusal or a lost connection, the file stays chosen. */
function setSending(sending) {
  panel.hidden = !sending;
  choice.hidden = chosen !== null;
  fileName.hidden = chosen === null;
  again.hidden = sending || chosen === null;
  cancelButton.hidden = false;
  progress.removeAttribute("value");
  if (sending) cancelButton.focus({ preventScroll: true });
}

async function send(file) {
  if (upload) return; // one at a time
  upload = {}; // until the library is there
  chosen = file;
  isLost = false;
  showError("");
  fileName.textContent = file.name;
  status.textContent = texts.starting;
  setSending(true);
  try {
    await requireReadable(file);
    arrived ??= await sendParts(await tus(), file);
    if (arrived === null) chooseAnother(texts.cancelled);
    else location.assign((await receive(arrived)).links.page);
  } catch (error) {
    isLost = !(error instanceof Refused);
    if (!isLost) arrived = null;
    upload = null;
    setSending(false);
    showError(isLost ? texts.noConnection : error.message);
    sendButton.focus({ preventScroll: true });
  }
}

function chooseAnother(text = "") {
  chosen = upload = arrived = null;
  isLost = false;
  setSending(false);
  showError(text);
  fileInputs[0].focus({ preventScroll: true });
}

async function requireReadable(file) {
  if (file.size > Number(texts.maxBytes)) throw new Refused(texts.tooLarge);
  const first = await file.slice(0, 1).arrayBuffer().catch(() => null);
  if (first === null) throw new Refused(texts.unreadable);
  if (!first.byteLength) throw new Refused(texts.empty);
}

/** Resolve with the id of the upload when all its bytes have arrived; with null if cancelled. */
function sendParts({ Upload }, file) {
  return new Promise((resolve, reject) => {
    upload = new Upload(file, {
      endpoint: texts.uploads,
      chunkSize: Number(texts.partBytes),
      metadata: { filename: file.name },
      retryDelays: RETRY_DELAYS,
      removeFingerprintOnSuccess: true,
      onProgress: showProgress,
      onAfterResponse: requireState,
      onShouldRetry: shouldRetry,
      onSuccess: () => resolve(upload.url.split("/").at(-1)),
      onError: (error) => reject(refusal(error) ?? error),
    });
    upload.cancel = () => {
      resolve(null);
      upload.abort(true).catch(() => {}); // the server deletes what it has within a day
    };
    startedWith = null;
    upload.findPreviousUploads().then(([previous]) => {
      if (previous) {
        upload.resumeFromPreviousUpload(previous);
        status.textContent = texts.resuming;
      }
      upload.start();
    }, reject);
  });
}

/**
 * Let a site that is busy or restarting be asked again: tus-js-client 4.3.1 takes any other answer
 * to HEAD than success for an upload that is lost, and would begin from the first byte.
 */
function requireState(request, response) {
  const code = response.getStatus();
  if (request.getMethod() === "HEAD" && (code === 429 || code >= 500)) throw new Error(`HEAD answered ${code}`);
}

function shouldRetry(error) {
  const code = error.originalResponse?.getStatus() ?? 0;
  const isTooOften = code === 429 && error.originalRequest.getMethod() !== "POST"; // which is counted by the hour
  if (code && code < 500 && code !== 409 && !isTooOften) return false;
  status.textContent = texts.waiting;
  return true;
}

/** Return what the site says is wrong, or null if it did not answer. */
const refusal = ({ originalResponse }) => originalResponse && explain(originalResponse.getBody());

function explain(body) {
  try {
    const { title, detail } = JSON.parse(body);
    return new Refused(`${title}. ${detail}`);
  } catch {
    return null;
  }
}

function showProgress(sent, all) {
  if (startedWith === null) [startedWith, startedAt] = [sent, performance.now()];
  progress.value = sent / all;
  const parts = [texts.sending.replace("{sent}", megabytes(sent)).replace("{all}", megabytes(all))];
  const seconds = (performance.now() - startedAt) / 1000;
  const speed = (sent - startedWith) / seconds; // bytes a second
  if (seconds > 5 && speed > 0) parts.push(texts.left.replace("{minutes}", Math.ceil((all - sent) / speed / 60)));
  status.textContent = sent < all ? parts.join(" ") : texts.finishing;
  cancelButton.hidden = sent >= all;
}

const megabytes = (bytes) => (bytes / MEGABYTE).toLocaleString(document.documentElement.lang, { maximumFractionDigits: bytes < 10 * MEGABYTE ? 1 : 0 });

/** Have the site check an upload; a lost answer may be asked for again. */
async function receive(id) {
  status.textContent = texts.finishing;
  for (const delay of [...RETRY_DELAYS, null]) {
    try {
      const response = await fetch(texts.api, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ upload: id }),
      });
      if (response.ok) return await response.json();
      if (response.status < 500 || delay === null) throw explain(await response.text()) ?? new Error(response.status);
    } catch (error) {
      if (error instanceof Refused || delay === null) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, delay));
  }
}

function take(files) {
  const file = files.find(({ type }) => type.startsWith("video/")) ?? files[0];
  if (!file || upload) return;
  form.scrollIntoView({ block: "nearest" });
  send(file);
  if (files.length > 1) showError(texts.onlyOne);
}

for (const input of fileInputs) {
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
}
cancelButton.addEventListener("click", () => upload?.cancel?.());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (chosen) send(chosen);
});
otherButton.addEventListener("click", () => {
  chooseAnother();
  fileInputs[0].click();
});
addEventListener("online", () => isLost && send(chosen));
onFiles(take);
form.querySelector(".hint").hidden = !matchMedia("(hover: hover)").matches;
