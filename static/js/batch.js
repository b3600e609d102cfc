// The queue of many pictures: at most four requests at once, paused while the site is busy. No DOM.
import { UploadRejected, send, shrink } from "./pictures.js";

export const MAX_PICTURES = 50;
const MAX_REQUESTS = 4;
const MAX_ATTEMPTS = 20; // of one picture, when the site refuses it for its rate or its load
const MAX_WAIT = 120; // seconds; a longer Retry-After, such as a spent budget's, is a failure
const DEFAULT_WAIT = 5; // seconds, if a refusal names none
const MAX_POLLS = 60; // of a picture that the site is still checking
const TEMPORARY = [429, 503];

/** Resolve after `seconds`; reject with AbortError when `signal` aborts. */
export function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    });
  });
}

/**
 * One picture of a batch. `read` resolves with its file; `state` is "waiting", "sending", "done",
 * "failed" or "cancelled"; `result` is the body of the API's response, `error` a text.
 */
export class Item {
  state = "waiting";
  result = null;
  error = "";
  picture = null; // what is sent, while it is
  attempts = 0;

  constructor(name, read) {
    this.name = name;
    this.read = read;
  }

  get found() {
    return this.result?.found ?? null;
  }
}

/**
 * Checks pictures. `options`: `api` and `maxSide` as for one picture, `maxBytes`, `texts` (tooLarge,
 * unreadable, noConnection), `onChange(item)` after each change of an item, `onPause(seconds)` when
 * the site asks to wait and with 0 at the end, and `pause` instead of `sleep`.
 */
export class Batch {
  #options;
  #controller = null;
  #resumeAt = Promise.resolve(); // settles at the end of the current pause

  constructor(items, options) {
    this.items = items;
    this.#options = { onPause: () => {}, pause: sleep, ...options };
  }

  get isRunning() {
    return this.#controller !== null;
  }

  /** Check what waits. Resolves when nothing does any more. */
  async run() {
    if (this.isRunning) return;
    const controller = (this.#controller = new AbortController());
    this.#resumeAt = Promise.resolve();
    await Promise.all(Array.from({ length: MAX_REQUESTS }, () => this.#work(controller.signal)));
    this.#controller = null;
  }

  /** Stop; what is not answered becomes "cancelled". */
  cancel() {
    this.#controller?.abort();
    for (const item of this.items) if (item.state === "waiting") this.#change(item, "cancelled");
  }

  /** Let failed and cancelled pictures wait again. */
  retry() {
    for (const item of this.items) {
      if (!["failed", "cancelled"].includes(item.state)) continue;
      item.attempts = 0;
      this.#change(item, "waiting");
    }
    return this.run();
  }

  #change(item, state, more = {}) {
    Object.assign(item, { error: "", ...more, state });
    this.#options.onChange(item);
  }

  async #work(signal) {
    for (;;) {
      await this.#resumeAt;
      const item = this.items.find(({ state }) => state === "waiting");
      if (!item || signal.aborted) return;
      await this.#check(item, signal);
    }
  }

  async #check(item, signal) {
    item.attempts += 1;
    try {
      item.picture ??= await this.#prepare(item, signal);
      this.#change(item, "sending");
      const result = await this.#answer(await send(this.#options.api, item.picture, { signal }), signal);
      this.#change(item, "done", { result, picture: null });
    } catch (error) {
      if (signal.aborted) return this.#change(item, "cancelled", { picture: null });
      const wait = error.retryAfter || DEFAULT_WAIT;
      if (TEMPORARY.includes(error.status) && wait <= MAX_WAIT && item.attempts < MAX_ATTEMPTS) {
        this.#change(item, "waiting");
        return this.#pauseAll(wait, signal);
      }
      const { noConnection } = this.#options.texts;
      const text = error instanceof UploadRejected ? error.message : noConnection;
      this.#change(item, "failed", { error: text, picture: null });
    }
  }

  async #prepare(item, signal) {
    const { maxSide, maxBytes, texts } = this.#options;
    item.state = "sending"; // no other worker takes it
    let file;
    try {
      file = await item.read();
      await file.slice(0, 1).arrayBuffer(); // fails for a folder, or a file that was deleted
    } catch {
      throw new UploadRejected(texts.unreadable);
    }
    const picture = await shrink(file, maxSide);
    signal.throwIfAborted();
    if (picture.size > maxBytes) throw new UploadRejected(texts.tooLarge);
    return picture;
  }

  /** Resolve with the result; the same picture may still be in progress (202). */
  async #answer(body, signal) {
    for (let polls = 0; body.status === "pending" && polls < MAX_POLLS; polls++) {
      await this.#options.pause(1, signal);
      const response = await fetch(body.self, { signal, headers: { Accept: "application/json" } });
      if (!response.ok) throw new TypeError("unexpected response");
      body = await response.json();
    }
    if (body.status === "pending") throw new TypeError("no result in time");
    return body;
  }

  #pauseAll(seconds, signal) {
    const { onPause, pause } = this.#options;
    onPause(seconds);
    const end = () => onPause(0);
    this.#resumeAt = pause(seconds, signal).then(end, end);
    return this.#resumeAt;
  }
}
