// Boxes that are not saved yet, kept in this browser: they outlive a lost connection, a session
// that ended and a closed tab. Each load of the page writes drafts of its own, so that two tabs
// with one picture do not overwrite each other's.

import { randomId } from "./random_id.js";

const own = randomId();

function stored() {
  try {
    return Object.keys(localStorage);
  } catch {
    return []; // the browser stores nothing for us
  }
}

/** Remember a choice of this page, if the browser stores it. */
export function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It holds for this visit.
  }
}

export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export class Drafts {
  constructor(project) {
    this.prefix = `label-draft:${project}:`;
  }

  #key(picture) {
    return `${this.prefix}${picture}:${own}`;
  }

  /** Keep what is drawn on a picture. Return false if the browser does not store it. */
  keep(picture, draft) {
    try {
      localStorage.setItem(this.#key(picture), JSON.stringify({ ...draft, at: Date.now() }));
      return true;
    } catch {
      return false;
    }
  }

  /** Return the newest draft of a picture, as { boxes, labels, revision, at }, or null. */
  find(picture) {
    const drafts = stored()
      .filter((key) => key.startsWith(`${this.prefix}${picture}:`))
      .map((key) => JSON.parse(localStorage.getItem(key)));
    return drafts.sort((a, b) => b.at - a.at)[0] ?? null;
  }

  /** Forget every draft of a picture that is not newer than `until`, and this page's own. */
  forget(picture, until = Infinity) {
    for (const key of stored().filter((each) => each.startsWith(`${this.prefix}${picture}:`))) {
      const { at } = JSON.parse(localStorage.getItem(key));
      if (key === this.#key(picture) || at <= until) localStorage.removeItem(key);
    }
  }

  /** Return the ids of the pictures with drafts. */
  pictures() {
    const keys = stored().filter((key) => key.startsWith(this.prefix));
    return [...new Set(keys.map((key) => key.slice(this.prefix.length).split(":")[0]))];
  }
}
