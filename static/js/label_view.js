// The picture with its boxes, drawn by Annotorious: draw, move and resize by mouse, pen or finger.
//
// Annotorious 3.8.10 does most of it; this file adds what it lacks. It takes no new box while one
// is chosen, so a press beside that box is repeated once its handles are gone. It stops following
// a pointer at the edge of the picture, so the pointer is captured. Its handles are buttons
// without names, so they are hidden from screen readers, which have the list of boxes. It would
// write styles as attributes, which our policy forbids, so labels get their colours from a
// stylesheet. And its rectangles can be rotated, which label_canvas.css hides: ours cannot.

import { clipped } from "./label_boxes.js";

export const COLOURS = ["#ffd43b", "#4dabf7", "#ff8787", "#69db7c", "#e599f7", "#ffa94d", "#63e6be", "#f783ac"];
const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];
const MIN_DRAWN = 3; // pixels on the screen: less is a click

export class View {
  /** `events` has onDraw(box), onPlace(key, box, isLast) and onSelect(key), in pixels of `size`. */
  constructor(scroller, image, size, events) {
    Object.assign(this, { scroller, image, size, events });
    this.zoom = 1;
    this.mode = "draw";
    this.scale = { x: image.naturalWidth / size.width, y: image.naturalHeight / size.height };
    this.sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.sheet];
    this.annotator = self.Annotorious.createImageAnnotator(image, { drawingMode: "drag" });
    this.container = this.annotator.element;
    this.layer = this.container.querySelector(".a9s-annotationlayer");
    [this.suggested, this.tags] = ["suggestions", "tags"].map((name) => {
      const overlay = Object.assign(document.createElement("div"), { className: `overlay ${name}`, ariaHidden: "true" });
      this.container.append(overlay);
      return overlay;
    });
    this.#hideFromKeyboard();
    this.#observe();
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(scroller);
    this.fit();
  }

  destroy() {
    this.observer.disconnect();
    this.resized.disconnect();
    this.annotator.destroy();
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.sheet);
  }

  /** Show these boxes; `colourOf` and `nameOf` take a box. */
  show(boxes, selected, colourOf, nameOf) {
    this.isOurs = true;
    this.annotator.setAnnotations(boxes.map((box) => this.#annotation(box)));
    if (selected) this.annotator.setSelected(selected, true);
    else this.annotator.cancelSelected();
    this.isOurs = false;
    const rules = boxes.map((box) => {
      const group = box.key === selected ? ".a9s-annotation.selected" : `[data-id="${box.key}"]`;
      return `.labelling .canvas ${group} .a9s-inner { stroke: ${colourOf(box)}; }`;
    });
    this.sheet.replaceSync(rules.join("\n"));
    this.tags.replaceChildren(...boxes.map((box) => this.#tag(box, colourOf(box), nameOf(box))));
  }

  /** Show boxes that a model suggests, until there are others. */
  suggest(boxes, colourOf) {
    const outlines = boxes.map((box) => {
      const outline = document.createElement("i");
      outline.className = "suggested";
      for (const [side, whole] of [["left", "width"], ["top", "height"], ["width", "width"], ["height", "height"]]) {
        outline.style[side] = `${(100 * box[side]) / this.size[whole]}%`;
      }
      outline.style.borderColor = colourOf(box);
      return outline;
    });
    this.suggested.replaceChildren(...outlines);
  }

  /** "draw": a drag draws a box. "move": it scrolls the picture, or moves the chosen box. */
  setMode(mode) {
    this.mode = mode;
    this.annotator.setDrawingEnabled(mode === "draw");
    this.container.classList.toggle("moving", mode === "move");
  }

  /** Zoom in (1) or out (-1), or show the whole picture (0), about the chosen box or the middle. */
  zoomBy(step, box = null) {
    const index = ZOOMS.indexOf(this.zoom) + step;
    const zoom = step ? (ZOOMS[index] ?? this.zoom) : 1;
    const { scroller, container } = this;
    const middle = box
      ? { x: (box.left + box.width / 2) / this.size.width, y: (box.top + box.height / 2) / this.size.height }
      : {
          x: (scroller.scrollLeft + scroller.clientWidth / 2) / container.offsetWidth,
          y: (scroller.scrollTop + scroller.clientHeight / 2) / container.offsetHeight,
        };
    this.zoom = zoom;
    this.fit();
    scroller.scrollLeft = middle.x * container.offsetWidth - scroller.clientWidth / 2;
    scroller.scrollTop = middle.y * container.offsetHeight - scroller.clientHeight / 2;
  }

  /** Size the picture to its place on the screen, times the zoom. */
  fit() {
    const { clientWidth, clientHeight } = this.scroller;
    const { width, height } = this.size;
    const shown = Math.min(clientWidth / width, clientHeight / height) * this.zoom;
    this.image.style.width = `${Math.max(1, Math.floor(width * shown))}px`;
    this.image.style.height = `${Math.max(1, Math.floor(height * shown))}px`;
  }

  /** Scroll until a box can be seen. */
  reveal({ left, top, width, height }) {
    const { scroller, container } = this;
    const x = ((left + width / 2) / this.size.width) * container.offsetWidth;
    const y = ((top + height / 2) / this.size.height) * container.offsetHeight;
    const isSeen =
      x > scroller.scrollLeft && x < scroller.scrollLeft + scroller.clientWidth &&
      y > scroller.scrollTop && y < scroller.scrollTop + scroller.clientHeight;
    if (!isSeen) scroller.scrollTo(x - scroller.clientWidth / 2, y - scroller.clientHeight / 2);
  }

  /** Return a box of a third of what can be seen, in its middle. */
  middle() {
    const { scroller, container, size } = this;
    const seen = {
      width: Math.min(scroller.clientWidth / container.offsetWidth, 1) * size.width,
      height: Math.min(scroller.clientHeight / container.offsetHeight, 1) * size.height,
    };
    const x = (scroller.scrollLeft / container.offsetWidth) * size.width + seen.width / 2;
    const y = (scroller.scrollTop / container.offsetHeight) * size.height + seen.height / 2;
    const [width, height] = [seen.width / 3, seen.height / 3];
    return { left: x - width / 2, top: y - height / 2, width, height };
  }

  #annotation(box) {
    const x = box.left * this.scale.x;
    const y = box.top * this.scale.y;
    const [w, h] = [box.width * this.scale.x, box.height * this.scale.y];
    const bounds = { minX: x, minY: y, maxX: x + w, maxY: y + h };
    const selector = { type: "RECTANGLE", geometry: { x, y, w, h, rot: 0, bounds } };
    return { id: box.key, bodies: [], target: { annotation: box.key, selector } };
  }

  #box({ x, y, w, h }) {
    return { left: x / this.scale.x, top: y / this.scale.y, width: w / this.scale.x, height: h / this.scale.y };
  }

  #tag(box, colour, name) {
    const tag = document.createElement("span");
    tag.textContent = name;
    tag.classList.toggle("above", box.top / this.size.height > 0.04);
    tag.style.left = `${(100 * box.left) / this.size.width}%`;
    tag.style.top = `${(100 * box.top) / this.size.height}%`;
    tag.style.background = colour;
    return tag;
  }

  #observe() {
    const { store, selection } = this.annotator.state;
    let drawn = null; // Annotorious chooses a new box before we have it
    let changed = null; // the key of the box that is being dragged
    let wasDragged = false; // Annotorious takes the end of a quick drag for a click on what is there
    store.observe(
      ({ changes }) => {
        if (this.isOurs) return;
        for (const { id, target } of changes.created) {
          drawn = id;
          queueMicrotask(() => this.#drawn(id, target.selector.geometry));
        }
        for (const { newValue } of changes.updated) {
          changed = newValue.id;
          this.events.onPlace(changed, this.#box(newValue.target.selector.geometry), false);
        }
      },
      { origin: "LOCAL" },
    );
    selection.subscribe(({ selected }) => {
      const id = selected[0]?.id ?? null;
      if (!this.isOurs && !wasDragged && (id === null || id !== drawn)) this.events.onSelect(id);
      if (id !== drawn) drawn = null;
    });
    const settle = () => {
      if (!changed) return;
      const { geometry } = store.getAnnotation(changed)?.target.selector ?? {};
      const key = changed;
      changed = null;
      wasDragged = true;
      if (geometry) this.events.onPlace(key, this.#box(geometry), true);
      setTimeout(() => {
        this.annotator.setSelected(key, true);
        wasDragged = false;
      });
    };
    this.layer.addEventListener("pointerup", settle, { capture: true });
    this.layer.addEventListener("pointercancel", settle, { capture: true });
    this.layer.addEventListener("pointerdown", (event) => this.#press(event), { capture: true });
    // Where dragging elsewhere scrolls, a drag of the chosen box must not: Chromium does not heed
    // touch-action inside an SVG.
    const hold = (event) => event.target.closest(".a9s-annotation.selected") && event.preventDefault();
    this.layer.addEventListener("touchstart", hold, { passive: false });
  }

  #drawn(key, geometry) {
    const box = clipped(this.#box(geometry), this.size);
    const screen = this.image.clientWidth / this.size.width;
    const isClick = !box || Math.max(box.width, box.height) * screen < MIN_DRAWN;
    this.isOurs = true;
    this.annotator.removeAnnotation(key); // `show` adds it again, in whole pixels
    this.isOurs = false;
    this.events.onDraw(isClick ? null : box, key);
  }

  #press(event) {
    if (!event.isPrimary) {
      event.stopImmediatePropagation(); // of the second finger
      return;
    }
    const onChosen = event.target.closest(".a9s-annotation.selected");
    if (this.mode === "move") {
      if (!onChosen && event.pointerType === "mouse") this.#pan(event);
      return;
    }
    if (onChosen) return;
    if (!this.layer.querySelector(".a9s-annotation.selected")) {
      this.layer.setPointerCapture(event.pointerId);
      return;
    }
    this.annotator.cancelSelected();
    // Its drawing tool is there after the next microtasks; a click is over by then.
    let isDown = true;
    this.layer.addEventListener("pointerup", () => (isDown = false), { once: true });
    const { pointerId, pointerType, clientX, clientY, button, buttons } = event;
    const again = { pointerId, pointerType, clientX, clientY, button, buttons, bubbles: true, isPrimary: true };
    setTimeout(() => isDown && this.layer.dispatchEvent(new PointerEvent("pointerdown", again)));
  }

  #pan(start) {
    const { scrollLeft, scrollTop } = this.scroller;
    const move = (event) => this.scroller.scrollTo(scrollLeft + start.clientX - event.clientX, scrollTop + start.clientY - event.clientY);
    const end = () => removeEventListener("pointermove", move);
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
    addEventListener("pointercancel", end, { once: true });
  }

  #hideFromKeyboard() {
    this.layer.ariaHidden = "true";
    this.layer.removeAttribute("tabindex");
    this.layer.removeAttribute("role");
    this.observer = new MutationObserver(() => {
      for (const handle of this.layer.querySelectorAll("[tabindex]")) handle.removeAttribute("tabindex");
      for (const handle of this.layer.querySelectorAll("[role]")) handle.removeAttribute("role");
    });
    this.observer.observe(this.layer, { childList: true, subtree: true });
  }
}
