// The page of many pictures: takes files or a ZIP, and shows the answers in a grid as they come.
import { Batch, Item, MAX_PICTURES } from "./batch.js";
import { toCsv } from "./csv.js";
import { onFiles } from "./drop.js";
import { Grid } from "./grid.js";
import { percent } from "./percent.js";
import { ZipRejected, entryName, isZip, makeZip, openZip } from "./zip.js";

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

class ManyPictures {
  #batch = new Batch([], {});
  #announcedQuarter = 0;

  constructor(section) {
    this.section = section;
    this.texts = section.dataset;
    this.grid = new Grid(section);
    const input = this.find("#pictures");
    input.addEventListener("change", () => {
      this.take([...input.files]);
      input.value = ""; // so that the same files can be chosen again
    });
    onFiles((files) => this.take(files));
    this.onClick(".start", () => this.run());
    this.onClick(".stop", () => this.#batch.cancel());
    this.onClick(".again", () => this.run());
    this.onClick(".csv", () => save(new Blob([this.csv()], { type: "text/csv" }), "pictures.csv"));
    this.onClick(".zip", () => this.saveMarked());
    addEventListener("beforeunload", (event) => this.#batch.isRunning && event.preventDefault());
  }

  find(selector) {
    return this.section.querySelector(selector);
  }

  onClick(selector, act) {
    this.find(selector).addEventListener("click", act);
  }

  say(selector, text) {
    this.find(selector).textContent = text;
    this.find(selector).hidden = !text;
  }

  /** Start a batch with these files: pictures, ZIPs, or both. */
  async take(files) {
    this.say(".trouble", "");
    if (!files.length) return;
    if (this.#batch.isRunning) return this.say(".trouble", this.texts.busy);
    try {
      const { items, notes } = await this.collect(files);
      if (this.#batch.isRunning) return this.say(".trouble", this.texts.busy); // begun in the meantime
      this.say(".notes", notes.join(" "));
      if (items.length) this.begin(items);
      else this.say(".trouble", this.texts.noPictures);
    } catch (error) {
      if (!(error instanceof ZipRejected)) return this.say(".trouble", this.texts.unreadable);
      if (error.reason === "offline") return this.say(".trouble", this.texts.noConnection);
      const { zipDamaged: damaged, zipEncrypted: encrypted, zipTooLarge: tooLarge } = this.texts;
      this.say(".trouble", { damaged, encrypted, tooLarge }[error.reason]);
    }
  }

  /** Resolve with at most MAX_PICTURES items, and notes on what was left out. */
  async collect(files) {
    const items = [];
    let skipped = 0;
    let left = 0;
    for (const file of files) {
      const free = MAX_PICTURES - items.length;
      if (isZip(file)) {
        const zip = await openZip(file, free);
        items.push(...zip.pictures.map(({ name, read }) => new Item(name, read)));
        skipped += zip.skipped;
        left += zip.left;
      } else if (free) items.push(new Item(file.name, async () => file));
      else left += 1;
    }
    const notes = [];
    if (left) notes.push(fill(this.texts.tooMany, { limit: MAX_PICTURES, left }));
    if (skipped) notes.push(fill(this.texts.skipped, { skipped }));
    return { items, notes };
  }

  /** Show the pictures; check them at once, unless answers are limited: then the visitor decides. */
  begin(items) {
    const { api, maxSide, maxBytes, left } = this.texts;
    this.#batch = new Batch(items, {
      ...{ api, texts: this.texts, maxSide: Number(maxSide), maxBytes: Number(maxBytes) },
      onChange: (item) => this.update(item),
      onPause: (seconds) => this.showPause(seconds),
    });
    this.grid.show(items);
    this.find(".run").hidden = false;
    this.announce("");
    const start = this.find(".start");
    start.textContent = fill(start.dataset.text, { count: items.length });
    start.hidden = left === "";
    this.showProgress();
    if (start.hidden) this.run();
    else start.focus();
  }

  showPause(seconds) {
    const text = seconds ? fill(this.texts.waiting, { seconds }) : "";
    this.say(".pause", text);
    if (text) this.announce(text);
  }

  /** Tell a screen reader. */
  announce(text) {
    this.find(".announce").textContent = text;
  }

  async run() {
    this.find(".start").hidden = true;
    this.#announcedQuarter = 0;
    const done = this.#batch.retry();
    this.showProgress();
    this.find(".stop").focus({ preventScroll: true });
    await done;
    const hadFocus = document.activeElement === this.find(".stop");
    this.showProgress();
    const next = [".again", ".csv", "#pictures"].map((name) => this.find(`${name}:not([hidden])`)).find(Boolean);
    if (hadFocus) next.focus({ preventScroll: true });
    const { isComplete, text } = this.progress();
    this.announce(`${isComplete ? this.texts.finished : this.texts.stopped} ${text}`);
  }

  progress() {
    const items = this.#batch.items;
    const count = (test) => items.filter(test).length;
    const done = count((item) => item.state === "done");
    const yes = count((item) => item.found);
    const failed = count((item) => item.state === "failed");
    const share = percent(done ? (100 * yes) / done : 0);
    const text = fill(this.texts.progress, { done, all: items.length, yes, share });
    return {
      ...{ done, failed, all: items.length },
      isComplete: done + failed === items.length,
      text: failed ? `${text}, ${fill(this.texts.failed, { failed })}` : text,
    };
  }

  update(item) {
    this.grid.update(item);
    this.showProgress();
    const { done, failed, all, text } = this.progress();
    const quarter = Math.floor((4 * (done + failed)) / all);
    if (quarter <= this.#announcedQuarter || quarter === 4) return; // `run` announces the end
    this.#announcedQuarter = quarter; // a screen reader is not told of each picture
    this.announce(text);
  }

  showProgress() {
    const { done, failed, all, text } = this.progress();
    const isRunning = this.#batch.isRunning;
    const [bar, start] = [this.find("progress"), this.find(".start")];
    [bar.max, bar.value] = [all, done + failed];
    this.find(".progress-text").textContent = text;
    this.find(".stop").hidden = !isRunning;
    this.find(".again").hidden = isRunning || !start.hidden || done === all;
    this.find(".csv").hidden = isRunning || !done;
    this.find(".zip").hidden = isRunning || !this.marked().length;
    this.find(".choose").hidden = isRunning;
  }

  csv() {
    const t = this.texts;
    const head = [t.columnFile, t.columnYes, t.columnAnswer, t.columnScore, t.columnThreshold];
    head.push(t.columnEngine, t.columnCreated, t.columnPage, t.columnError);
    const row = ({ name, result, error }) => {
      if (!result) return [name, "", "", "", "", "", "", "", error];
      const { found, said, message = said, score, threshold, engine, created_at: created } = result;
      const page = new URL(result.links.page, location.href).href;
      return [name, Number(found), message, score, threshold, engine, created, page, ""];
    };
    return toCsv([head, ...this.#batch.items.map(row)]);
  }

  marked() {
    return this.#batch.items.filter((item) => item.result?.links.marked);
  }

  async saveMarked() {
    this.say(".trouble", "");
    const button = this.find(".zip");
    button.disabled = true;
    try {
      const files = [];
      for (const item of this.marked()) {
        const response = await fetch(`${item.result.links.marked}?proxied`);
        if (!response.ok) throw new TypeError("unexpected response");
        const bytes = new Uint8Array(await response.arrayBuffer());
        files.push({ name: entryName(this.#batch.items.indexOf(item), item.name), bytes });
      }
      save(await makeZip(files), "pictures.zip");
    } catch {
      this.say(".trouble", this.texts.noDownload);
    }
    button.disabled = false;
    button.focus({ preventScroll: true });
  }
}

/** Let the browser save a blob under a name. */
function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download has begun by then
}

/** Replace the content of the current page with the page at `url`, and take `files` there. */
export async function openMany(url, files) {
  const response = await fetch(url);
  if (!response.ok) throw new TypeError("unexpected response");
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const loaded = [...page.querySelectorAll('head link[rel="stylesheet"]')].map((link) => {
    const copy = document.importNode(link);
    document.head.append(copy);
    return new Promise((resolve) => Object.assign(copy, { onload: resolve, onerror: resolve }));
  });
  await Promise.all(loaded);
  document.title = page.title;
  document.querySelector("main").replaceChildren(...page.querySelector("main").childNodes);
  scrollTo(0, 0);
  new ManyPictures(document.querySelector(".many")).take(files);
}

const section = document.querySelector(".many");
if (section) new ManyPictures(section);
