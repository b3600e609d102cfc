// The boxes and labels of one picture while it is labelled, in whole pixels of the upright
// original, with undo and redo.

import { randomId } from "./random_id.js";

const NUDGE_PAUSE = 1000; // ms; moves by the keyboard within it are undone together
const MAX_STEPS = 200;
const SHRUNK_SIDE = 1280; // a box must be larger than 1 pixel once the picture is shrunk to it

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Boxes {
  /** `size` is { width, height } of the upright original; `onChange` is called after each change. */
  constructor(size, { boxes = [], labels = [] }, onChange) {
    this.size = size;
    this.minSide = Math.floor(Math.max(1, Math.max(size.width, size.height) / SHRUNK_SIDE)) + 1;
    this.onChange = onChange;
    this.boxes = boxes.map((box) => ({ crowd: false, ...box, key: randomId() }));
    this.labels = [...labels];
    this.selected = null; // the key of a box
    this.past = [];
    this.future = [];
    this.lastNudge = { key: null, at: 0 };
  }

  get current() {
    return this.boxes.find((box) => box.key === this.selected) ?? null;
  }

  /** Return what is sent to the server. */
  content() {
    const boxes = this.boxes.map(({ key: _, ...box }) => box);
    return { boxes, labels: [...this.labels] };
  }

  get isEmpty() {
    return !this.boxes.length && !this.labels.length;
  }

  select(key) {
    if (key === this.selected) return;
    this.selected = key;
    this.onChange("selection");
  }

  add(box, key = randomId()) {
    this.#remember();
    this.boxes.push({ crowd: false, ...this.#inside(box), key });
    this.selected = key;
    this.onChange("boxes");
    return key;
  }

  /** Give a box another place; with `isNudge`, quick repetitions are one step of undo. */
  place(key, box, isNudge = false) {
    const found = this.boxes.find((each) => each.key === key);
    if (!found) return;
    const placed = this.#inside({ ...found, ...box });
    if (["left", "top", "width", "height"].every((side) => placed[side] === found[side])) return;
    const again = isNudge && this.lastNudge.key === key && Date.now() - this.lastNudge.at < NUDGE_PAUSE;
    if (!again) this.#remember();
    this.lastNudge = isNudge ? { key, at: Date.now() } : { key: null, at: 0 };
    Object.assign(found, placed);
    this.onChange("boxes");
  }

  /** Move the chosen box, or its right and lower sides, by whole pixels. */
  nudge(x, y, isResize) {
    const box = this.current;
    if (!box) return;
    const { left, top, width, height } = box;
    const { width: wide, height: high } = this.size;
    const sized = {
      width: clamp(width + x, this.minSide, wide - left),
      height: clamp(height + y, this.minSide, high - top),
    };
    this.place(box.key, isResize ? sized : { left: left + x, top: top + y }, true);
  }

  setLabel(key, label) {
    const box = this.boxes.find((each) => each.key === key);
    if (!box || box.label === label) return;
    this.#remember();
    box.label = label;
    this.onChange("boxes");
  }

  toggleLabel(label) {
    this.#remember();
    this.labels = this.labels.includes(label) ? this.labels.filter((each) => each !== label) : [...this.labels, label];
    this.onChange("labels");
  }

  /** Remove a box and choose its neighbour. */
  remove(key) {
    const index = this.boxes.findIndex((box) => box.key === key);
    if (index < 0) return;
    this.#remember();
    this.boxes.splice(index, 1);
    this.selected = (this.boxes[index] ?? this.boxes[index - 1])?.key ?? null;
    this.onChange("boxes");
  }

  /** Show other boxes and labels instead; what was there comes back by undo. */
  replace({ boxes, labels }) {
    this.#remember();
    this.boxes = boxes.map((box) => ({ crowd: false, ...box, key: randomId() }));
    this.labels = [...labels];
    this.selected = null;
    this.onChange("boxes");
  }

  undo() {
    return this.#step(this.past, this.future);
  }

  redo() {
    return this.#step(this.future, this.past);
  }

  #step(from, to) {
    if (!from.length) return false;
    to.push(this.#state());
    Object.assign(this, from.pop());
    this.lastNudge = { key: null, at: 0 };
    this.onChange("boxes");
    return true;
  }

  #remember() {
    this.past.push(this.#state());
    if (this.past.length > MAX_STEPS) this.past.shift();
    this.future = [];
    this.lastNudge = { key: null, at: 0 };
  }

  #state() {
    return { boxes: this.boxes.map((box) => ({ ...box })), labels: [...this.labels], selected: this.selected };
  }

  /** Return the box in whole pixels, inside the picture and not too small. */
  #inside(box) {
    const { width: wide, height: high } = this.size;
    const left = Math.round(box.left);
    const top = Math.round(box.top);
    const width = clamp(Math.round(box.left + box.width) - left, this.minSide, wide);
    const height = clamp(Math.round(box.top + box.height) - top, this.minSide, high);
    return { ...box, left: clamp(left, 0, wide - width), top: clamp(top, 0, high - height), width, height };
  }
}

/** Return the part of a drawn rectangle inside the picture; without area, null. */
export function clipped({ left, top, width, height }, size) {
  const right = clamp(left + width, 0, size.width);
  const bottom = clamp(top + height, 0, size.height);
  const x = clamp(left, 0, size.width);
  const y = clamp(top, 0, size.height);
  return right > x && bottom > y ? { left: x, top: y, width: right - x, height: bottom - y } : null;
}
