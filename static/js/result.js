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

const threshold = document.querySelector(".threshold");
const slider = threshold?.querySelector("input");
let asked = null;

/** The page knows the rule: ask it for the answer with another threshold, and show that part. */
async function judgeAgain() {
  asked?.abort();
  asked = new AbortController();
  const address = new URL(location.pathname, location.href);
  address.searchParams.set("min", slider.value);
  try {
    const page = await fetch(address, { headers: { Accept: "text/html" }, signal: asked.signal });
    if (!page.ok) return threshold.submit();
    const judged = new DOMParser().parseFromString(await page.text(), "text/html");
    answer.replaceChildren(...judged.getElementById("answer").children);
    document.title = judged.title;
    history.replaceState(null, "", address);
  } catch (error) {
    if (error.name !== "AbortError") threshold.submit();
  }
}

slider?.addEventListener("input", () => {
  threshold.querySelector("output").textContent = `${slider.value}%`;
  judgeAgain();
});
threshold?.querySelector("button").toggleAttribute("hidden", true);

const copy = document.querySelector(".copy");
const link = document.getElementById("link");
copy.hidden = !navigator.clipboard;
copy.addEventListener("click", async () => {
  link.select();
  await navigator.clipboard.writeText(link.value);
  copy.textContent = copy.dataset.copied;
});
const share = document.querySelector(".send"); // the phone's own way to send a link to a friend
share.hidden = !navigator.share;
share.addEventListener("click", () =>
  navigator.share({ title: document.title, url: link.value }).catch(() => {}), // they thought better of it
);
link.addEventListener("focus", () => link.select());
