// The live camera's memory of its last answers, and the pace of its frames. Needs no page.

const ANSWERS = 3;
const YESES = 2; // of the last answers
const BOXES_STAY = 400; // milliseconds, when newer answers have none
const BOXES_OLDEST = 1500; // when no newer answer comes at all

/** The answer without flicker: a single odd frame changes neither the words nor the boxes. */
export class Memory {
  #scores = []; // of the last answers, the newest first; null is a no
  #seen = { width: 1, height: 1, outlines: [], at: -Infinity };
  /** Yes, no, or null while nobody can tell. */
  found = null;

  /** Take in one answer of the site, which came at `now` (milliseconds). */
  add(answer, now) {
    this.#scores = [answer.found ? answer.score : null, ...this.#scores].slice(0, ANSWERS);
    if (answer.outlines.length) this.#seen = { ...answer, at: now };
    const yeses = this.#scores.filter((score) => score !== null).length;
    if (yeses >= YESES) this.found = true;
    // A first no can be believed at once; one that takes a yes back has to be a row of them.
    else if (!yeses && (this.found === null || this.#scores.length === ANSWERS)) this.found = false;
  }

  /** How sure the last yes was, in percent, as its boxes say too; null unless the answer is yes. */
  get score() {
    return this.found ? this.#scores.find((score) => score !== null) : null;
  }

  /** The last answer with boxes, with its `width` and `height`; null when there is none to show. */
  picture(now) {
    const stay = this.#scores[0] === null ? BOXES_STAY : BOXES_OLDEST;
    return this.found && now - this.#seen.at <= stay ? this.#seen : null;
  }
}

const MIN_INTERVAL = 1000 / 15; // milliseconds from one frame to the next: the site's rate limit
const MAX_INTERVAL = 2000;
const SIDES = [640, 480, 320]; // pixels
const SLOW = 300;
const FAST = 150; // milliseconds
const WEIGHT = 0.3; // of the newest answer
const RECOVERY = 0.95; // of the interval, with each answer after too many requests

/** How large the next frame may be, and how long it should wait, by how long answers take. */
export class Pace {
  #step = 0;
  #took = null;
  #interval = MIN_INTERVAL;

  /** Take in how long an answer took. */
  add(milliseconds) {
    this.#interval = Math.max(MIN_INTERVAL, this.#interval * RECOVERY);
    this.#took = this.#took === null ? milliseconds : this.#took + WEIGHT * (milliseconds - this.#took);
    if (this.#took > SLOW) this.#step = Math.min(this.#step + 1, SIDES.length - 1);
    else if (this.#took < FAST) this.#step = Math.max(this.#step - 1, 0);
  }

  /** The longest side of a frame, in pixels. */
  get side() {
    return SIDES[this.#step];
  }

  /** Slow down: the site said that these were too many requests. */
  tooMany() {
    this.#interval = Math.min(MAX_INTERVAL, this.#interval * 2);
  }

  /** Milliseconds to wait before the next frame, when the last answer took `took` of them. */
  pause(took) {
    const leftToOthers = this.#took > SLOW ? this.#took / 2 : 0;
    return Math.max(leftToOthers, this.#interval - took);
  }
}
