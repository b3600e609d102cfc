// Upload form: choose, take, drop or paste a picture. The plain form works without this script.
import { onFiles } from "./drop.js";
import { UploadRejected, send, shrink } from "./pictures.js";

const form = document.querySelector("form.ask");
const texts = form.dataset;
const fileInputs = [...form.querySelectorAll('input[type="file"]')];
const preview = form.querySelector(".preview");
const errorText = form.querySelector(".trouble");
const uploadPanel = form.querySelector(".going");
const progress = uploadPanel.querySelector("progress");
const uploadStatus = uploadPanel.querySelector('[role="status"]');
const submitButton = form.querySelector(".look");
const pasteButton = form.querySelector(".paste");
const fileName = form.querySelector(".name");
const choice = form.querySelector(".choice");
const again = form.querySelector(".again");
const otherButton = form.querySelector(".other");
const cancelButton = uploadPanel.querySelector(".cancel");

let chosen = null;
let isByServer = false; // whether the server was asked for its preview
let isRefused = false; // whether the server cannot use the picture
let controller = null; // of the upload in progress
let isOpening = false; // the page of many pictures

form.classList.add("live");
again.hidden = true;
otherButton.hidden = false;
if (texts.many) {
  fileInputs[0].multiple = true;
  fileInputs[0].accept += ",.zip,application/zip";
}

function showError(text) {
  errorText.textContent = text;
  errorText.hidden = !text;
}

/** Show a preview before uploading. Accepts any file: the server checks the bytes, not the type. */
function choose(file) {
  showError("");
  chosen = file;
  isByServer = isRefused = false;
  choice.hidden = true; // the preview takes its place
  again.hidden = false;
  showPreview(file);
  fileName.hidden = true;
}

function showPreview(blob) {
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(blob);
  preview.hidden = false;
}

function chooseAnother() {
  chosen = null;
  showError("");
  preview.hidden = fileName.hidden = again.hidden = true;
  choice.hidden = false;
  fileInputs[0].click();
  fileInputs[0].focus({ preventScroll: true });
}

preview.addEventListener("error", async () => {
  preview.hidden = true; // the browser cannot show it, such as HEIC
  if (!chosen || isByServer) return;
  fileName.hidden = false;
  // After a refusal, which may come first, only the name: the reason says the rest.
  fileName.textContent = isRefused ? chosen.name : `${chosen.name}: ${texts.noPreview}`;
  isByServer = true;
  await previewByServer(chosen).catch(() => {}); // the upload reports what is wrong
});

/** Show the server's preview of a file, unless another one was chosen in the meantime. */
async function previewByServer(file) {
  if (file.size > Number(texts.maxBytes)) return;
  const body = new FormData(form);
  body.set("picture", file);
  const response = await fetch(texts.preview, { method: "POST", body });
  if (!response.ok || file !== chosen) return;
  showPreview(await response.blob());
  fileName.hidden = true;
}

function setUploading(uploading) {
  uploadPanel.hidden = !uploading;
  again.hidden = uploading;
  for (const control of [...fileInputs, pasteButton]) control.disabled = uploading;
  cancelButton.hidden = false;
  progress.removeAttribute("value"); // indeterminate while the picture is resized
  uploadStatus.textContent = texts.preparing;
  if (uploading) cancelButton.focus({ preventScroll: true });
}

async function upload() {
  if (controller) return; // one at a time
  controller = new AbortController();
  const { signal } = controller;
  showError("");
  setUploading(true);
  try {
    const picture = await shrink(chosen, Number(texts.maxSide));
    signal.throwIfAborted();
    if (picture.size > Number(texts.maxBytes)) throw new UploadRejected(texts.tooLarge);
    uploadStatus.textContent = texts.sending;
    const result = await send(texts.api, picture, { onProgress: showProgress, signal });
    // The same picture is still being checked: its page shows the answer when it is ready.
    location.assign(result.links?.page ?? texts.page.replace("ID", result.id));
  } catch (error) {
    setUploading(false);
    showError(await describeError(error));
    submitButton.focus({ preventScroll: true });
  } finally {
    controller = null;
  }
}

function showProgress(share) {
  progress.value = share;
  if (share < 1) return;
  uploadStatus.textContent = texts.looking;
  cancelButton.hidden = true; // the upload has arrived: it can only be deleted now
}

async function describeError(error) {
  if (error instanceof UploadRejected) {
    isRefused = true;
    fileName.textContent = chosen.name;
    return error.message;
  }
  if (error.name === "AbortError") return texts.cancelled;
  // A folder can be dropped, and a file can disappear before it is read.
  const isReadable = await chosen.arrayBuffer().then(() => true, () => false);
  return isReadable ? texts.noConnection : texts.unreadable;
}

function chooseAndUpload(file) {
  choose(file);
  upload();
}

for (const input of fileInputs) {
  input.addEventListener("change", () => {
    takeFiles([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (chosen) upload();
  else showError(texts.noChoice);
});

cancelButton.addEventListener("click", () => controller?.abort());
otherButton.addEventListener("click", chooseAnother);

function takeFiles(files) {
  if (controller || isOpening) return; // one at a time
  if (texts.many && (files.length > 1 || files.some(isZip))) return checkMany(files);
  const file = files.find((candidate) => candidate.type.startsWith("image/")) ?? files[0];
  if (!file) return;
  form.scrollIntoView({ block: "nearest" });
  if (files.length === 1) return chooseAndUpload(file);
  choose(file);
  showError(texts.onlyOne); // let the visitor see which of the files will be sent
}

const isZip = ({ name, type }) => /\.zip$/i.test(name) || /^application\/(x-)?zip/.test(type);

/** Several pictures or a ZIP: the page of many pictures takes the place of this one. */
async function checkMany(files) {
  isOpening = true;
  try {
    const { openMany } = await import("./many.js");
    await openMany(texts.many, files);
  } catch {
    isOpening = false;
    showError(texts.noConnection);
  }
}

onFiles(takeFiles);

pasteButton.addEventListener("click", async () => {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((candidate) => candidate.startsWith("image/"));
      if (type) return takeFiles([await item.getType(type)]);
    }
    showError(texts.nothingPasted);
  } catch {
    showError(texts.noClipboard);
  }
});

pasteButton.hidden = !navigator.clipboard?.read;
form.querySelector(".hint").hidden = !matchMedia("(hover: hover)").matches;
