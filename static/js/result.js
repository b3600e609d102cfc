// Result page: highlight boxes and list items together, re-evaluate under a threshold, copy the link.
import { showCopyButtons } from "./copy.js";
import { exactly } from "./percent.js";

const answer = document.getElementById("answer");

/** Return the list item and the box that belong to an event's target; empty if it is neither. */
function itemAndBox(target) {
  const item = target.closest?.(".found a");
  if (item) return [item, document.querySelector(item.hash)];
  const box = target.closest?.(".boxes g");
  return box ? [box, document.querySelector(`.found a[href="#${box.id}"]`)] : [];
}

function highlight(event) {
  const isOn = event.type === "mouseover" || event.type === "focusin";
  for (const element of itemAndBox(event.target)) element?.classList.toggle("lit", isOn);
}

for (const type of ["mouseover", "mouseout", "focusin", "focusout"]) answer.addEventListener(type, highlight);
// The link highlights on focus; following it would only scroll the page.
answer.addEventListener("click", (event) => event.target.closest(".found a") && event.preventDefault());

const threshold = document.querySelector(".threshold");
const slider = threshold?.querySelector("input");
// Elements that depend on the threshold. Only their content is replaced: live regions must persist.
const PARTS = [".verdict [role=status]", ".boxes", ".why", ".json", ".threshold .small"];
const DEBOUNCE_MS = 80;
let controller = null; // of the request in progress

/** Fetch the page under the slider's threshold and show its parts: the rule runs on the server. */
async function reevaluate() {
  controller?.abort();
  controller = new AbortController();
  const url = new URL(location.pathname, location.href);
  url.searchParams.set("min", slider.value);
  const errorText = threshold.querySelector(".trouble");
  try {
    const response = await fetch(url, { headers: { Accept: "text/html" }, signal: controller.signal });
    if (!response.ok) throw new TypeError("request failed");
    show(new DOMParser().parseFromString(await response.text(), "text/html"));
    history.replaceState(null, "", url);
    errorText.hidden = true;
  } catch (error) {
    if (error.name === "AbortError") return;
    errorText.textContent = threshold.dataset.offline;
    errorText.hidden = false;
  }
}

function show(fetched) {
  const [old, fresh] = [document, fetched].map((page) => page.querySelector(".verdict"));
  old.className = fresh.className;
  const wasOpen = document.querySelector(".why details")?.open;
  for (const part of PARTS) {
    document.querySelector(part).replaceChildren(...fetched.querySelector(part).childNodes);
  }
  document.querySelector(".why details")?.toggleAttribute("open", wasOpen);
  showCopyButtons();
  document.title = fetched.title;
  // Feedback is about the stored answer; the fetched page omits it under another threshold.
  const feedback = document.querySelector(".judgement");
  if (feedback) feedback.hidden = !fetched.querySelector(".judgement");
}

let timer = null;
slider?.addEventListener("input", () => {
  threshold.querySelector("output").textContent = exactly(slider.value);
  clearTimeout(timer);
  timer = setTimeout(reevaluate, DEBOUNCE_MS);
});
threshold?.querySelector("button").toggleAttribute("hidden", true);

const link = document.getElementById("link");
const share = document.querySelector(".send"); // the system's share dialog
share.hidden = !navigator.share;
share.addEventListener("click", () =>
  navigator.share({ title: document.title, url: link.value }).catch(() => {}), // cancelled by the visitor
);
link.addEventListener("focus", () => link.select());
