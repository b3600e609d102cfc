// Beside the picture: the labels to choose from, the list of boxes, and notices with buttons.

import { fill } from "./label_api.js";
import { COLOURS } from "./label_view.js";

const DIGIT_PAUSE = 1000; // ms; two digits within it are one number, if there are that many labels
const MANY = 12; // labels; more can be searched

/** The labels of the project: one for the next box, or several for the whole picture. */
export class Labels {
  constructor(fieldset, labels, isWholePicture, onChoose) {
    Object.assign(this, { labels, isWholePicture, onChoose });
    this.chosen = isWholePicture ? null : (labels[0]?.id ?? null);
    this.digits = { text: "", at: 0 };
    const list = fieldset.querySelector(".chips");
    this.inputs = labels.map(({ id, name }, index) => {
      const input = Object.assign(document.createElement("input"), {
        type: isWholePicture ? "checkbox" : "radio", name: "label", value: id, checked: id === this.chosen,
      });
      const chip = document.createElement("label");
      chip.className = "chip";
      chip.style.setProperty("--colour", this.colour(id));
      const number = document.createElement("kbd");
      number.textContent = index + 1;
      number.ariaHidden = "true";
      chip.append(input, number, name);
      list.append(chip);
      input.addEventListener("change", () => this.choose(id));
      // Where a pointer chose, the keys go on moving the box.
      input.addEventListener("click", (event) => event.detail && setTimeout(() => input.blur()));
      return input;
    });
    const search = fieldset.querySelector("input[type=search]");
    search.parentElement.hidden = labels.length <= MANY;
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      this.inputs.forEach((input, index) => {
        input.parentElement.hidden = !labels[index].name.toLowerCase().includes(wanted);
      });
    });
  }

  colour(id) {
    const index = this.labels.findIndex((label) => label.id === id);
    return COLOURS[(index < 0 ? 0 : index) % COLOURS.length];
  }

  name(id) {
    return this.labels.find((label) => label.id === id)?.name ?? "?";
  }

  /** Choose a label as if it had been clicked. */
  choose(id) {
    if (!this.isWholePicture) this.show([id]);
    this.onChoose(id);
  }

  /** Show which labels are chosen. */
  show(ids) {
    if (!this.isWholePicture && ids.length) [this.chosen] = ids;
    for (const input of this.inputs) input.checked = ids.includes(input.value);
  }

  /** Choose by number: one digit, or two in quick succession. */
  typeDigit(digit) {
    const isSecond = Date.now() - this.digits.at < DIGIT_PAUSE;
    const both = isSecond ? this.labels[Number(this.digits.text + digit) - 1] : null;
    const first = isSecond && both ? this.labels[Number(this.digits.text) - 1] : null;
    if (first && this.isWholePicture) this.onChoose(first.id); // it was half of a number: take it back
    this.digits = { text: both ? this.digits.text + digit : digit, at: Date.now() };
    const label = both ?? this.labels[Number(digit) - 1];
    if (label) this.choose(label.id);
  }
}

/** The list of boxes: what is chosen here by Tab is moved by the arrow keys. */
export class BoxList {
  constructor(list, labels, texts, onSelect) {
    Object.assign(this, { list, labels, texts, onSelect, items: new Map() });
  }

  show(boxes, selected) {
    const kept = new Set(boxes.map((box) => box.key));
    for (const [key, item] of this.items) {
      if (!kept.has(key)) {
        item.remove();
        this.items.delete(key);
      }
    }
    boxes.forEach((box, index) => {
      const item = this.items.get(box.key) ?? this.#item(box.key);
      const button = item.firstElementChild;
      const [number, name, place] = button.children;
      number.textContent = index + 1;
      number.style.background = this.labels.colour(box.label);
      name.textContent = this.labels.name(box.label);
      place.textContent = `${box.left}, ${box.top} · ${box.width} × ${box.height}`;
      button.ariaLabel = this.describe(box, index + 1);
      button.ariaPressed = String(box.key === selected);
      if (this.list.children[index] !== item) this.list.insertBefore(item, this.list.children[index] ?? null);
    });
  }

  describe(box, number) {
    return fill(this.texts.box, { number, name: this.labels.name(box.label), ...box });
  }

  focus(key) {
    this.items.get(key)?.firstElementChild.focus({ preventScroll: true });
  }

  #item(key) {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", className: "box" });
    button.append(...["b", "span", "small"].map((name) => document.createElement(name)));
    button.addEventListener("focus", () => this.onSelect(key));
    button.addEventListener("click", () => this.onSelect(key));
    item.append(button);
    this.items.set(key, item);
    return item;
  }
}

/** A notice above the tools that stays until it is answered or `clear`ed. */
export class Notice {
  constructor(element) {
    this.element = element;
  }

  /** Show a text with buttons and links: { text: action or address }. */
  show(text, actions = {}) {
    const line = document.createElement("p");
    line.textContent = text;
    const row = document.createElement("p");
    row.className = "row";
    row.append(...Object.entries(actions).map(([name, action]) => this.#button(name, action)));
    this.element.replaceChildren(line, ...(row.children.length ? [row] : []));
    this.element.hidden = false;
  }

  clear() {
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  #button(name, action) {
    if (typeof action === "string") {
      return Object.assign(document.createElement("a"), { href: action, textContent: name, className: "button quiet" });
    }
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name, className: "quiet" });
    button.addEventListener("click", action);
    return button;
  }
}
