// The grid of many pictures: one tile each, filtered and sorted.
import { percent } from "./percent.js";

const FILTERS = {
  all: () => true,
  yes: (item) => item.found === true,
  no: (item) => item.found === false,
  open: (item) => item.found === null,
};
const ORDERS = {
  order: () => 0,
  score: (one, other) => (other.result?.score ?? -1) - (one.result?.score ?? -1),
  name: (one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }),
};

/** Shows items of a batch inside `section`. */
export class Grid {
  #items = [];
  #tiles = new Map();

  constructor(section) {
    this.section = section;
    this.list = section.querySelector(".tiles");
    this.filter = section.querySelector(".tile-filter");
    this.order = section.querySelector(".tile-order");
    for (const select of [this.filter, this.order]) select.addEventListener("change", () => this.#arrange());
  }

  show(items) {
    for (const tile of this.#tiles.values()) URL.revokeObjectURL(tile.querySelector("img").src);
    this.#items = items;
    this.#tiles = new Map(items.map((item) => [item, this.#tile()]));
    this.section.querySelector(".tile-options").hidden = false;
    [this.filter.value, this.order.value] = ["all", "order"];
    items.forEach((item) => this.#draw(item));
    this.#arrange();
  }

  update(item) {
    this.#draw(item);
    this.#tiles.get(item).hidden = !FILTERS[this.filter.value](item);
    if (item.state === "done" && this.order.value === "score") this.#arrange();
  }

  #tile() {
    return document.importNode(this.section.querySelector("template").content, true).firstElementChild;
  }

  #arrange() {
    const focused = document.activeElement;
    const sorted = [...this.#items].sort(ORDERS[this.order.value]); // stable: equals stay in order
    for (const item of sorted) this.#tiles.get(item).hidden = !FILTERS[this.filter.value](item);
    this.list.replaceChildren(...sorted.map((item) => this.#tiles.get(item)));
    if (this.list.contains(focused)) focused.focus({ preventScroll: true });
  }

  #draw(item) {
    const tile = this.#tiles.get(item);
    const find = (selector) => tile.querySelector(selector);
    const { said, message = said, score, links } = item.result ?? {};
    const texts = this.section.dataset;
    const state = item.state[0].toUpperCase() + item.state.slice(1);
    tile.dataset.state = item.state;
    tile.classList.toggle("yes", item.found === true);
    find(".name").textContent = item.name;
    find(".state").textContent = message ?? texts[`state${state}`];
    find(".score").textContent = score == null ? item.error : percent(score);
    find(".score").title = item.error; // the text may be cut
    if (links) find("a").href = links.page;
    this.#drawPicture(item, find("img"));
  }

  /** Show what is being sent, and then the site's own small copy. */
  #drawPicture(item, image) {
    image.onerror = () => {
      image.hidden = true; // a format that this browser does not know
      URL.revokeObjectURL(image.src);
      image.removeAttribute("src");
    };
    if (item.result) {
      URL.revokeObjectURL(image.src);
      image.src = this.section.dataset.thumbnail.replace("ID", item.result.id);
    } else if (item.picture && !image.src) image.src = URL.createObjectURL(item.picture);
    else return;
    image.hidden = false; // before it is loaded: a lazy one is not, while it is hidden
  }
}
