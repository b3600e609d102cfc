// Add pictures to a project: chosen, dropped, pasted, or whole folders, a few at a time. Of ZIPs and
// files of labels each becomes a job.
import { onFiles } from "./drop.js";
import { UploadRejected } from "./pictures.js";

const MAX_REQUESTS = 3;
const ARCHIVES = /\.(zip|json|manifest|jsonl)$/i;
const ZIP = /\.zip$/i;
const PICTURES = /\.(jpe?g|png|webp|gif|avif|heic|heif|bmp|tiff?)$/i;
const DEFAULT_WAIT = 5; // seconds, when the site is busy and names none
const MAX_ATTEMPTS = 20;
const RETRYABLE = [429, 503]; // statuses of what may be tried again

const section = document.querySelector("#add");
const form = section.querySelector("form");
const files = section.querySelector("#files");
const list = section.querySelector("#uploads");
const summary = section.querySelector("#summary");
const finished = section.querySelector("#finished");
const texts = section.dataset;
const api = `/api/v1${texts.api}`;
const items = [];
let running = 0;

/** Queue files, each with the folder that it lies in; name those that cannot be taken. */
function add(found) {
  for (const { file, folder } of found) {
    const isArchive = ARCHIVES.test(file.name);
    const isSuitable = isArchive || PICTURES.test(file.name) || file.type.startsWith("image/");
    const state = isSuitable ? "waiting" : "failed";
    const item = { file, folder, isArchive, near: false, attempts: 0, state, row: document.createElement("li") };
    items.push(item);
    list.append(item.row);
    show(item, isSuitable ? texts.waiting : texts.notAPicture, { failed: !isSuitable });
  }
  list.hidden = summary.hidden = !items.length;
  for (let more = running; more < MAX_REQUESTS; more++) work();
}

/** Let the site refuse an archive before it is sent: a form of pictures alone needs no job. */
function announceImport() {
  form.action = `${form.action.split("?")[0]}?import`;
}

/** Return what to send now. Labels come after all pictures: they are of pictures that are there. */
function next() {
  const waiting = items.filter(({ state }) => state === "waiting");
  const picture = waiting.find(({ isArchive }) => !isArchive);
  if (picture || items.some(({ isArchive, state }) => !isArchive && state === "sending")) return picture;
  return waiting.find(({ file }) => ZIP.test(file.name)) ?? waiting[0];
}

async function work() {
  running += 1;
  for (let item; (item = next()); ) {
    item.state = "sending";
    await send(item);
    progress();
  }
  running -= 1;
  progress();
  // A single archive leads to its job, as the form does.
  if (!running && items.length === 1 && items[0].state === "queued") location.assign(items[0].job);
}

function progress() {
  const done = items.filter(({ state }) => state !== "waiting" && state !== "sending").length;
  summary.textContent = texts.summary.replace("{done}", done).replace("{all}", items.length);
  finished.hidden = running > 0 || !items.some(({ state }) => state === "added");
}

/** Return where a file is sent, with what the form's options say. */
function addressOf({ isArchive, folder, near }) {
  const parameters = new URLSearchParams();
  if (near || form.elements.near.checked) parameters.set("near", "true");
  if (form.elements.shrink.checked) parameters.set("shrink", "true");
  if (form.elements.folders?.checked) {
    if (isArchive) parameters.set("folders", "true");
    else if (folder) parameters.set("label", folder);
  }
  return `${api}/${isArchive ? "imports" : "pictures"}?${parameters}`;
}

async function send(item) {
  const body = new FormData();
  body.append("picture", item.file, item.file.name);
  item.attempts += 1;
  try {
    const response = await fetch(addressOf(item), { method: "POST", body, headers: { Accept: "application/json" } });
    const { status } = response;
    // An archive is not sent again by itself: that would send all of it, and hold up what follows.
    if (RETRYABLE.includes(status) && !item.isArchive && item.attempts < MAX_ATTEMPTS) {
      const seconds = Number(response.headers.get("Retry-After")) || DEFAULT_WAIT;
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      item.state = "waiting";
      return;
    }
    if (!response.ok) throw new UploadRejected(await reasonOf(response), status);
    const answer = await response.json();
    if (item.isArchive) queued(item, answer);
    else outcome(item, answer);
  } catch (error) {
    item.state = "failed";
    const isFinal = error instanceof UploadRejected && !RETRYABLE.includes(error.status);
    show(item, error instanceof UploadRejected ? error.message : texts.noConnection, { failed: true });
    if (!isFinal) offer(item, texts.again);
  }
}

/** Return why a file was refused: the site's words, or those of a proxy before it, in plain text. */
async function reasonOf(response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("text/plain")) return response.text();
  const { title, detail } = await response.json();
  return `${title}. ${detail}`;
}

function queued(item, job) {
  item.state = "queued";
  item.job = job.page;
  show(item, texts.queued);
  item.row.append(Object.assign(document.createElement("a"), { href: job.page, textContent: texts.job }));
}

function outcome(item, answer) {
  item.state = answer.outcome;
  if (answer.outcome === "added") show(item, [texts.added, ...answer.changes].join("; "));
  else if (answer.outcome === "duplicate") show(item, texts.duplicate);
  else {
    show(item, texts.near.replace("{name}", answer.picture.file_name));
    offer(item, texts.anyway, () => (item.near = true));
  }
}

function show(item, text, { failed = false } = {}) {
  const name = document.createElement("b");
  name.textContent = item.folder ? `${item.folder}/${item.file.name}` : item.file.name;
  const state = document.createElement("span");
  state.textContent = text;
  state.classList.toggle("failed", failed);
  item.row.replaceChildren(name, state);
}

function offer(item, text, change = () => {}) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "quiet", textContent: text });
  button.onclick = () => {
    change();
    item.state = "waiting";
    show(item, texts.waiting);
    work();
  };
  item.row.append(button);
}

/** Return the name of the folder that a file of a chosen or dropped folder lies in. */
const folderOf = (path) => path.split("/").at(-2) ?? "";

const plain = (chosen) => [...chosen].map((file) => ({ file, folder: folderOf(file.webkitRelativePath ?? "") }));
onFiles((dropped) => add(plain(dropped)));
form.addEventListener("submit", (event) => {
  if (!files.files.length) return;
  if ([...files.files].some(({ name }) => ARCHIVES.test(name))) return announceImport();
  event.preventDefault();
  add(plain(files.files));
  files.value = "";
});
const folder = section.querySelector("#folder");
folder.addEventListener("change", () => {
  add(plain(folder.files));
  folder.value = "";
});
addEventListener("beforeunload", (event) => running && event.preventDefault());

// A dropped folder comes as an entry, not as files: read what is in it before drop.js sees the rest.
addEventListener(
  "drop",
  (event) => {
    const entries = [...(event.dataTransfer?.items ?? [])].map((each) => each.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.some((entry) => entry.isDirectory)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    document.body.classList.remove("dropping");
    Promise.all(entries.map((entry) => filesIn(entry, ""))).then((found) => add(found.flat()));
  },
  { capture: true },
);

async function filesIn(entry, parent) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, folder: parent }];
  }
  const reader = entry.createReader();
  const found = [];
  for (let batch; (batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length; ) {
    found.push(...batch);
  }
  return (await Promise.all(found.map((each) => filesIn(each, entry.name)))).flat();
}
