// The live camera's recent answers, smoothed, and the rate and size of its frames. Uses no DOM.

const MAX_ANSWERS = 3;
const MIN_YESES = 2; // among the last answers
const BOXES_AFTER_NO_MS = 400; // how long boxes stay when the newest answer is no
const BOXES_MAX_AGE_MS = 1500; // otherwise

/** Smooths the answers: a single outlier changes neither the verdict nor the boxes. */
export class Memory {
  #scores = []; // of the last answers, the newest first; null for a no
  #lastWithBoxes = { width: 1, height: 1, outlines: [], at: -Infinity };
  /** True or false; null until there are enough answers. */
  found = null;

  /** Add an answer of the site, received at `now` (milliseconds). */
  add(answer, now) {
    this.#scores = [answer.found ? answer.score : null, ...this.#scores].slice(0, MAX_ANSWERS);
    if (answer.outlines.length) this.#lastWithBoxes = { ...answer, at: now };
    const yeses = this.#scores.filter((score) => score !== null).length;
    if (yeses >= MIN_YESES) this.found = true;
    // The first no counts at once; after a yes, all of the last answers must be no.
    else if (!yeses && (this.found === null || this.#scores.length === MAX_ANSWERS)) this.found = false;
  }

  /** Score of the newest yes in percent, the same as on its boxes; null unless `found`. */
  get score() {
    return this.found ? this.#scores.find((score) => score !== null) : null;
  }

  /** Return the last answer with boxes, or null if it is too old or `found` is not true. */
  picture(now) {
    const maxAge = this.#scores[0] === null ? BOXES_AFTER_NO_MS : BOXES_MAX_AGE_MS;
    return this.found && now - this.#lastWithBoxes.at <= maxAge ? this.#lastWithBoxes : null;
  }
}

const MIN_INTERVAL = 1000 / 15; // milliseconds between frames: the site's rate limit
const MAX_INTERVAL = 2000;
const SIDES = [640, 480, 320]; // pixels
const SLOW = 300; // milliseconds
const FAST = 150;
const WEIGHT = 0.3; // of the newest duration in the moving average
const RECOVERY = 0.95; // factor on the interval with each answer, after it was raised

/** Adapts size and interval of the frames to the duration of the answers. */
export class Pace {
  #sideIndex = 0;
  #average = null;
  #interval = MIN_INTERVAL;

  /** Add the duration of an answer. */
  add(milliseconds) {
    this.#interval = Math.max(MIN_INTERVAL, this.#interval * RECOVERY);
    this.#average = this.#average === null ? milliseconds : this.#average + WEIGHT * (milliseconds - this.#average);
    if (this.#average > SLOW) this.#sideIndex = Math.min(this.#sideIndex + 1, SIDES.length - 1);
    else if (this.#average < FAST) this.#sideIndex = Math.max(this.#sideIndex - 1, 0);
  }

  /** The longer side of a frame, in pixels. */
  get side() {
    return SIDES[this.#sideIndex];
  }

  /** Double the interval, after a 429 Too Many Requests. */
  tooMany() {
    this.#interval = Math.min(MAX_INTERVAL, this.#interval * 2);
  }

  /** Return the milliseconds to wait before the next frame; the last answer took `took`. */
  pause(took) {
    const minPause = this.#average > SLOW ? this.#average / 2 : 0;
    return Math.max(minPause, this.#interval - took);
  }
}
