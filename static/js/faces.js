// The form of the game "Faces": preview, drop and paste, and a smaller picture. It is sent as a form,
// so that the answer is a page that is kept nowhere. The plain form works without this script.
import { onFiles } from "./drop.js";
import { shrink } from "./pictures.js";

const form = document.querySelector("form.ask");
const texts = form.dataset;
const fileInputs = [...form.querySelectorAll('input[type="file"]')];
const [preview, fileName, choice, errorText, submitButton, otherButton, progress] = [
  ".preview", ".name", ".choice", ".trouble", ".look", ".other", ".progress",
].map((selector) => form.querySelector(selector));

let chosen = null;
let isSending = false;

form.classList.add("live");
form.noValidate = true; // a hidden file input shows no message of the browser's
form.querySelector(".hint").hidden = !matchMedia("(hover: hover)").matches;

function showError(text) {
  errorText.textContent = text;
  errorText.hidden = !text;
}

/** Show a preview before sending. Accepts any file: the server checks the bytes, not the type. */
function choose(file) {
  if (isSending || !file) return;
  chosen = file;
  showError("");
  choice.hidden = true; // the preview takes its place
  otherButton.hidden = false;
  fileName.hidden = true;
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  preview.hidden = false;
}

preview.addEventListener("error", () => {
  if (!chosen) return;
  preview.hidden = true; // the browser cannot show it, such as HEIC
  fileName.hidden = false;
  fileName.textContent = `${chosen.name}: ${texts.noPreview}`;
});

otherButton.addEventListener("click", () => {
  if (isSending) return;
  chosen = null;
  preview.hidden = fileName.hidden = otherButton.hidden = true;
  choice.hidden = false;
  fileInputs[0].click();
  fileInputs[0].focus({ preventScroll: true });
});

for (const input of fileInputs) {
  input.addEventListener("change", () => choose(input.files[0]));
  if (input.files[0]) choose(input.files[0]); // chosen before this script was there
}
onFiles((files) => choose(files[0]));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (isSending) return;
  if (!chosen) return showError(texts.noChoice);
  if (!form.elements.consent.checked) {
    showError(texts.noConsent);
    return form.elements.consent.focus();
  }
  isSending = submitButton.disabled = true;
  showError("");
  progress.textContent = texts.preparing;
  const picture = await shrink(chosen, Number(texts.maxSide));
  const files = new DataTransfer();
  files.items.add(new File([picture], chosen.name ?? "picture.jpg", { type: picture.type }));
  fileInputs[0].files = files.files;
  fileInputs[1].value = "";
  progress.textContent = texts.sending;
  form.submit(); // past this listener
});

// Back from the answer, the browser may show this page as it was left.
addEventListener("pageshow", () => {
  isSending = submitButton.disabled = false;
  progress.textContent = "";
});
