// Every way to hand a picture over: choose, take, drop, paste. Without this file the form works too.
import { Refused, send, shrink } from "./pictures.js";

const form = document.querySelector("form.ask");
const words = form.dataset;
const [picture, shot] = form.querySelectorAll('input[type="file"]');
const preview = form.querySelector(".preview");
const trouble = form.querySelector(".trouble");
const going = form.querySelector(".going");
const progress = going.querySelector("progress");
const state = going.querySelector('[role="status"]');
const look = form.querySelector(".look");
const paste = form.querySelector(".paste");
const name = form.querySelector(".name");
const label = form.querySelector(".upload");
const cancelButton = going.querySelector(".cancel");

let chosen = null;
let cancel = null;

form.classList.add("live");

function complain(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

/** Show a picture at once, before anything is sent. */
function choose(file) {
  const isPicture = !file.type || file.type.startsWith("image/");
  complain(isPicture ? "" : words.notAPicture);
  chosen = isPicture ? file : null;
  form.classList.toggle("chosen", isPicture);
  if (isPicture) label.textContent = words.another;
  URL.revokeObjectURL(preview.src);
  preview.src = isPicture ? URL.createObjectURL(file) : "";
  preview.hidden = !isPicture;
  name.hidden = true;
  return isPicture;
}

preview.addEventListener("error", () => {
  preview.hidden = true; // HEIC, mostly
  name.hidden = !chosen;
  name.textContent = chosen && `${chosen.name}: ${words.noPreview}`;
});

function isGoing(yes) {
  going.hidden = !yes;
  look.disabled = picture.disabled = shot.disabled = paste.disabled = yes;
  cancelButton.hidden = false;
  progress.value = 0;
  state.textContent = words.sending;
}

async function upload() {
  if (cancel) return; // one at a time
  cancel = new AbortController();
  complain("");
  isGoing(true);
  try {
    const jpeg = await shrink(chosen, Number(words.maxSide));
    if (jpeg.size > Number(words.maxBytes)) throw new Refused(words.tooLarge);
    cancel.signal.throwIfAborted();
    const answer = await send(words.api, jpeg, { sent: show, signal: cancel.signal });
    location.assign(answer.links.page);
  } catch (error) {
    isGoing(false);
    complain(await explain(error));
    look.focus({ preventScroll: true });
  } finally {
    cancel = null;
  }
}

function show(share) {
  progress.value = share;
  if (share < 1) return;
  state.textContent = words.looking;
  cancelButton.hidden = true; // it has arrived: from here on, deleting is what takes it back
}

async function explain(error) {
  if (error instanceof Refused) return error.message;
  if (error.name === "AbortError") return words.cancelled;
  // A folder can be dropped, and a file can go away, before it is read.
  const isReadable = await chosen.arrayBuffer().then(() => true, () => false);
  return isReadable ? words.noConnection : words.unreadable;
}

for (const input of [picture, shot]) {
  input.addEventListener("change", () => {
    if (!input.files.length) return;
    const taken = choose(input.files[0]);
    if (taken) look.focus();
    else input.value = "";
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (chosen) upload();
  else complain(words.noChoice);
});

cancelButton.addEventListener("click", () => cancel?.abort());

// A drop anywhere on the page. Leaving one element enters another: count them.
let inside = 0;
const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

function mark(depth) {
  inside = depth;
  document.body.classList.toggle("dropping", depth > 0);
}

addEventListener("dragenter", (event) => carriesFiles(event) && mark(inside + 1));
addEventListener("dragleave", (event) => carriesFiles(event) && mark(Math.max(0, inside - 1)));
addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  mark(0);
  take([...event.dataTransfer.files]);
});

// Pasted by key, or by the button where the browser lets us read the clipboard.
addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length) {
    event.preventDefault();
    take(files);
  }
});

function take(files) {
  if (cancel) return; // one at a time
  const file = files.find((each) => each.type.startsWith("image/")) ?? files[0];
  form.scrollIntoView({ block: "nearest" });
  if (!file || !choose(file)) return;
  // Of several, one: which one has to be seen before it is sent.
  if (files.length > 1) complain(words.onlyOne);
  else upload();
}

paste.addEventListener("click", async () => {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((each) => each.startsWith("image/"));
      if (type) return take([await item.getType(type)]);
    }
    complain(words.nothingPasted);
  } catch {
    complain(words.noClipboard);
  }
});

paste.hidden = !navigator.clipboard?.read;
form.querySelector(".hint").hidden = !matchMedia("(hover: hover)").matches;
