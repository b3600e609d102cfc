// Buttons that copy what stands beside them.
const COPIED_MS = 2_000; // how long a button says so

/** Copy a field or an element's text. A field is selected, so that it can be copied by keyboard. */
async function copy(button, source) {
  source.select?.();
  const { textContent } = button;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
  } catch {
    return;
  }
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = textContent), COPIED_MS);
}

/** Show the buttons, if there is a clipboard; also in parts of the page that were replaced. */
export function showCopyButtons() {
  for (const button of document.querySelectorAll("button.copy")) button.hidden = !navigator.clipboard;
}

addEventListener("click", (event) => {
  const button = event.target.closest?.("button.copy");
  if (!button || button.textContent === button.dataset.copied) return;
  copy(button, button.closest(".json")?.querySelector("pre") ?? button.parentElement.querySelector("input"));
});
showCopyButtons();
