// Correct the boxes of a result: draw, move, resize and remove them by mouse, touch or keyboard.
const section = document.querySelector(".correct");
const texts = section.dataset;
const find = (selector) => section.querySelector(selector);
const [tools, consent, status, errorText, select, withdrawButton, addButton] = [
  ".drawing-tools", ".consent", "[role=status]", ".trouble", "select", ".withdraw", ".add",
].map(find);
const stage = document.querySelector(".stage");
const picture = stage.querySelector("img");
const overlay = stage.querySelector(".boxes");

const STEP = 0.01; // of the picture, for each press of an arrow key
const MIN_SIDE = 0.01;
const NEW_SIDE = 0.3; // of a box that is added by its button
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const layer = document.createElement("div");
layer.className = "drawing";
let boxes = []; // { left, top, width, height, label, element }, in fractions of the picture
let selected = null;

/** Lay the layer exactly over the picture, which may be smaller than its element. */
function placeLayer() {
  const { width, height } = overlay.viewBox.baseVal;
  const scale = Math.min(picture.clientWidth / width, picture.clientHeight / height);
  layer.style.width = `${width * scale}px`;
  layer.style.height = `${height * scale}px`;
  layer.style.left = `${(picture.clientWidth - width * scale) / 2}px`;
  layer.style.top = `${(picture.clientHeight - height * scale) / 2}px`;
}

function addBox(box) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "drawn";
  for (const corner of ["nw", "ne", "sw", "se"]) {
    element.append(Object.assign(document.createElement("i"), { ariaHidden: "true" }));
    element.lastElementChild.dataset.corner = corner;
  }
  const added = { ...box, element };
  element.addEventListener("focus", () => choose(added));
  element.addEventListener("keydown", (event) => moveByKey(event, added));
  boxes.push(added);
  layer.append(element);
  show(added);
  return added;
}

function choose(box) {
  selected?.element.classList.remove("selected");
  selected = box;
  box?.element.classList.add("selected");
}

/** Show a box at its place, inside the picture, and name it for screen readers. */
function show(box) {
  box.width = clamp(box.width, MIN_SIDE, 1);
  box.height = clamp(box.height, MIN_SIDE, 1);
  box.left = clamp(box.left, 0, 1 - box.width);
  box.top = clamp(box.top, 0, 1 - box.height);
  for (const side of ["left", "top", "width", "height"]) box.element.style[side] = `${100 * box[side]}%`;
  box.element.ariaLabel = describe(box);
}

function describe(box) {
  const values = { number: boxes.indexOf(box) + 1, name: box.label };
  for (const side of ["left", "top", "width", "height"]) values[side] = Math.round(100 * box[side]);
  return texts.box.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function remove(box) {
  if (!box) return;
  const next = boxes[boxes.indexOf(box) + 1] ?? boxes[boxes.indexOf(box) - 1];
  box.element.remove();
  boxes = boxes.filter((other) => other !== box);
  boxes.forEach(show); // their numbers have changed
  choose(null);
  (next?.element ?? addButton).focus({ preventScroll: true });
  status.textContent = texts.removed;
}

function moveByKey(event, box) {
  if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    return remove(box);
  }
  const direction = ARROWS[event.key];
  if (!direction) return;
  event.preventDefault(); // the page does not scroll
  const [x, y] = direction.map((sign) => sign * STEP);
  if (event.shiftKey) resize(box, { x: box.left, y: box.top }, { x: box.left + box.width + x, y: box.top + box.height + y });
  else [box.left, box.top] = [box.left + x, box.top + y];
  show(box);
  status.textContent = describe(box);
}

/** Give a box two opposite corners. */
function resize(box, one, other) {
  const [left, right] = [one.x, other.x].map((x) => clamp(x, 0, 1)).sort((a, b) => a - b);
  const [top, bottom] = [one.y, other.y].map((y) => clamp(y, 0, 1)).sort((a, b) => a - b);
  Object.assign(box, { left, top, width: right - left, height: bottom - top });
}

function pointOf(event) {
  const area = layer.getBoundingClientRect();
  return { x: (event.clientX - area.left) / area.width, y: (event.clientY - area.top) / area.height };
}

/** Return what dragging from `start` does to a box: draw a new one, resize it or move it. */
function dragging(target, start) {
  const box = boxes.find(({ element }) => element.contains(target));
  if (!box) {
    const drawn = addBox({ left: start.x, top: start.y, width: 0, height: 0, label: select.value });
    return { box: drawn, isNew: true, drag: (point) => resize(drawn, start, point) };
  }
  const { left, top, width, height } = box;
  const { corner } = target.dataset;
  if (corner) {
    const opposite = { x: corner.endsWith("w") ? left + width : left, y: corner.startsWith("n") ? top + height : top };
    return { box, drag: (point) => resize(box, opposite, point) };
  }
  return { box, drag: (point) => Object.assign(box, { left: left + point.x - start.x, top: top + point.y - start.y }) };
}

layer.addEventListener("pointerdown", (event) => {
  if (event.button || !event.isPrimary) return;
  event.preventDefault();
  const start = pointOf(event);
  const { box, drag, isNew } = dragging(event.target, start);
  box.element.focus({ preventScroll: true });
  layer.setPointerCapture(event.pointerId);
  layer.onpointermove = (moved) => {
    drag(pointOf(moved));
    show(box);
  };
  layer.onpointerup = layer.onpointercancel = () => {
    layer.onpointermove = layer.onpointerup = layer.onpointercancel = null;
    if (isNew && Math.min(box.width, box.height) <= MIN_SIDE) remove(box); // a click, not a drag
    else status.textContent = describe(box);
  };
});

/** Return the boxes of the answer, in fractions of the picture. */
function boxesOfAnswer() {
  const { width, height } = overlay.viewBox.baseVal;
  const only = select.length === 1 && select.value; // the name of a box may be translated
  return [...overlay.querySelectorAll("g")].map((group) => {
    const { x, y, width: w, height: h } = group.querySelector(".line").getBBox();
    return { left: x / width, top: y / height, width: w / width, height: h / height, label: only || group.dataset.name };
  });
}

/** Send a request about the correction; resolve with the response, or with null and an error shown. */
async function request(method, body) {
  errorText.hidden = true;
  try {
    const response = await fetch(texts.api, { method, body: body && JSON.stringify(body) });
    if (response.ok) return response;
    errorText.textContent = (await response.json()).detail;
  } catch {
    errorText.textContent = texts.failed;
  }
  errorText.hidden = false;
  return null;
}

async function start() {
  const stored = texts.stored === "true" ? await request("GET") : null;
  if (texts.stored === "true" && !stored) return;
  const wanted = stored ? (await stored.json()).boxes : boxesOfAnswer();
  clear(); // after a second press meanwhile
  setEditing(true);
  wanted.forEach(addBox);
  (boxes[0]?.element ?? addButton).focus({ preventScroll: true });
}

function setEditing(editing) {
  stage.classList.toggle("editing", editing);
  layer.classList.toggle("active", editing);
  tools.hidden = !editing;
  find(".before").hidden = editing;
  if (!editing) clear();
  placeLayer();
}

function clear() {
  choose(null);
  boxes = [];
  layer.replaceChildren();
}

async function save() {
  const drawn = boxes.map(({ element: _, ...box }) => box);
  if (!(await request("PUT", { boxes: drawn, consent: consent.checked }))) return;
  texts.stored = "true";
  withdrawButton.hidden = false;
  setEditing(false);
  status.textContent = texts.saved;
  find(".start").focus({ preventScroll: true });
}

async function withdraw() {
  if (!(await request("DELETE"))) return;
  texts.stored = "false";
  withdrawButton.hidden = true;
  consent.checked = false;
  setEditing(false);
  status.textContent = texts.withdrawn;
  find(".start").focus({ preventScroll: true });
}

stage.append(layer);
new ResizeObserver(placeLayer).observe(picture);
find(".start").addEventListener("click", start);
addButton.addEventListener("click", () => {
  const place = (1 - NEW_SIDE) / 2;
  const box = addBox({ left: place, top: place, width: NEW_SIDE, height: NEW_SIDE, label: select.value });
  box.element.focus({ preventScroll: true });
});
find(".remove").addEventListener("click", () => remove(selected));
find(".save").addEventListener("click", save);
find(".leave").addEventListener("click", () => {
  setEditing(false);
  find(".start").focus({ preventScroll: true });
});
withdrawButton.addEventListener("click", withdraw);
