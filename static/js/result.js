// The answer's page: boxes tied to their list, another threshold at once, the link copied.
const answer = document.getElementById("answer");

/** The group of rectangles that a list item stands for, or the item of a rectangle. */
function twin(target) {
  const item = target.closest?.(".found a");
  if (item) return [item, document.querySelector(item.hash)];
  const box = target.closest?.(".boxes g");
  return box ? [box, document.querySelector(`.found a[href="#${box.id}"]`)] : [];
}

function light(event) {
  const lit = event.type === "mouseover" || event.type === "focusin";
  for (const element of twin(event.target)) element?.classList.toggle("lit", lit);
}

for (const type of ["mouseover", "mouseout", "focusin", "focusout"]) answer.addEventListener(type, light);
// Focus is enough; following the link would only move the page.
answer.addEventListener("click", (event) => event.target.closest(".found a") && event.preventDefault());

const threshold = document.querySelector(".threshold");
const slider = threshold?.querySelector("input");
// What depends on the threshold. The parts stay, so that a screen reader hears what changes in them.
const PARTS = [".verdict [role=status]", ".boxes", "figcaption", ".why", ".threshold .small"];
const REST = 80; // milliseconds without a move, before the site is asked
let asked = null;

/** The site knows the rule: ask it for the page with another threshold, and show those parts. */
async function judgeAgain() {
  asked?.abort();
  asked = new AbortController();
  const address = new URL(location.pathname, location.href);
  address.searchParams.set("min", slider.value);
  const trouble = threshold.querySelector(".trouble");
  try {
    const page = await fetch(address, { headers: { Accept: "text/html" }, signal: asked.signal });
    if (!page.ok) throw new TypeError("no answer");
    show(new DOMParser().parseFromString(await page.text(), "text/html"));
    history.replaceState(null, "", address);
    trouble.hidden = true;
  } catch (error) {
    if (error.name === "AbortError") return;
    trouble.textContent = threshold.dataset.offline;
    trouble.hidden = false;
  }
}

function show(judged) {
  const [old, fresh] = [document, judged].map((page) => page.querySelector(".verdict"));
  old.className = fresh.className;
  for (const part of PARTS) {
    document.querySelector(part).replaceChildren(...judged.querySelector(part).childNodes);
  }
  document.title = judged.title;
  // The question is about the answer that is kept, not about this one.
  const right = document.querySelector(".judgement");
  if (right) right.hidden = !judged.querySelector(".judgement");
}

let soon = null;
slider?.addEventListener("input", () => {
  threshold.querySelector("output").textContent = `${slider.value}%`;
  clearTimeout(soon);
  soon = setTimeout(judgeAgain, REST);
});
threshold?.querySelector("button").toggleAttribute("hidden", true);

const copy = document.querySelector(".copy");
const link = document.getElementById("link");
copy.hidden = !navigator.clipboard;
copy.addEventListener("click", async () => {
  link.select(); // to copy it by key, should the browser refuse
  const { textContent } = copy;
  try {
    await navigator.clipboard.writeText(link.value);
  } catch {
    return;
  }
  copy.textContent = copy.dataset.copied;
  setTimeout(() => (copy.textContent = textContent), 2_000);
});
const share = document.querySelector(".send"); // the phone's own way to send a link to a friend
share.hidden = !navigator.share;
share.addEventListener("click", () =>
  navigator.share({ title: document.title, url: link.value }).catch(() => {}), // they thought better of it
);
link.addEventListener("focus", () => link.select());
