// The labelling page: one picture after the other, by mouse, touch or keyboard alone.

import { api, fill } from "./label_api.js";
import { Boxes } from "./label_boxes.js";
import { Drafts, recall, remember } from "./label_drafts.js";
import { BoxList, Labels, Notice } from "./label_panel.js";
import { View } from "./label_view.js";

const section = document.querySelector(".labelling");
const find = (selector) => section.querySelector(selector);
const [project, texts] = [JSON.parse(section.dataset.project), JSON.parse(section.dataset.texts)];
const hasBoxes = project.kind === "boxes";
const requests = api(section.dataset.api);
const drafts = new Drafts(project.id);
const scroller = find(".canvas");
const status = find("[role=status]");
const notice = new Notice(find(".notice"));
const offer = new Notice(find(".offer"));
const RENEW = 60_000; // ms, a fifth of a lease
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let task = null; // the picture as the server sent it
let model = null;
let view = null;
let saved = ""; // what the server has, to see whether anything is unsaved
let draftSeen = 0; // the time of the newest draft of the picture that was shown here
let mode = "draw";
let isBusy = false;
let isEmptyAsked = false;
let isKept = true; // whether this browser keeps what is unsaved
let suggestion = null;
let progress = null; // of the project; a progress element has no maximum of 0
let retry = null; // what the return of the connection repeats
const done = []; // ids of pictures saved here
const skipped = [];

const labels = new Labels(find(".labels"), project.labels, !hasBoxes, (id) => {
  if (!model) return;
  if (!hasBoxes) model.toggleLabel(id);
  else if (model.current) model.setLabel(model.selected, id);
});
const list = new BoxList(find(".box-list"), labels, texts, (key) => model?.select(key));

const say = (text, values) => {
  status.textContent = fill(text, values);
};
const timeOf = (moment) => new Date(moment).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });

/** Show a picture, with what is unsaved from an earlier visit. */
async function show(next) {
  stop();
  task = next;
  section.classList.toggle("finished", !task);
  find(".workspace").hidden = !task;
  find(".done").hidden = Boolean(task);
  showProgress();
  if (!task) return showUnsaved();
  const image = Object.assign(new Image(), { src: task.preview, alt: fill(texts.alt, { name: task.file_name }) });
  scroller.replaceChildren(image);
  try {
    await image.decode();
  } catch {
    notice.show(texts.noPicture, { [texts.tryAgain]: () => show(next) });
    return;
  }
  if (task !== next) return; // another one was asked for meanwhile
  // Labels of the whole picture, given without JavaScript, say what boxes to draw.
  model = new Boxes(task, hasBoxes ? { boxes: task.boxes } : task, changed);
  saved = JSON.stringify(model.content());
  if (hasBoxes) {
    view = new View(scroller, image, task, { onDraw, onPlace, onSelect: (key) => model.select(key) });
    view.setMode(mode);
  }
  find(".file-name").textContent = task.file_name;
  find(".history ol").replaceChildren();
  find(".history").open = false;
  find(".previous").hidden = !done.length;
  showTruth();
  const draft = drafts.find(task.id);
  if (draft && JSON.stringify({ boxes: draft.boxes, labels: draft.labels }) !== saved) restore(draft);
  else showSaved();
  say(hasBoxes && task.labels.length ? texts.hint : "", { names: task.labels.map((id) => labels.name(id)).join(", ") });
  showUnsaved();
}

/** Show what the server has. Where there is a draft it is shown instead: `changed` would forget it. */
function showSaved() {
  changed("boxes");
  if (task.lease.holder) notice.show(fill(texts.taken, { name: task.lease.holder }));
  else if (model.isEmpty && section.dataset.suggests) suggest();
}

function stop() {
  view?.destroy();
  view = model = null;
  find(".file-name").textContent = ""; // as the boxes, of the picture before
  list.show([], null);
  isEmptyAsked = false;
  draftSeen = 0;
  suggestion = retry = null;
  notice.clear();
  offer.clear();
}

function restore(draft) {
  draftSeen = draft.at;
  model.replace(draft);
  if (draft.revision !== task.revision) return showConflict(task);
  notice.show(fill(texts.restored, { time: timeOf(draft.at) }), {
    [texts.discard]: () => {
      undo();
      notice.clear();
    },
  });
}

/** Show and say what has changed, and keep it in this browser until it is saved. */
function changed(what) {
  const { boxes, selected, current } = model;
  view?.show(boxes, selected, (box) => labels.colour(box.label), (box) => `${boxes.indexOf(box) + 1} ${labels.name(box.label)}`);
  list.show(boxes, selected);
  labels.show(hasBoxes ? (current ? [current.label] : [labels.chosen]) : model.labels);
  find(".remove").disabled = !current;
  find(".undo").disabled = !model.past.length;
  if (what !== "selection") keep();
  if (!model.isEmpty) isEmptyAsked = false; // the answer below replaces the question
  announce();
}

function keep() {
  isEmptyAsked = false;
  const content = model.content();
  const isSaved = JSON.stringify(content) === saved;
  if (isSaved) drafts.forget(task.id, draftSeen);
  isKept = isSaved || drafts.keep(task.id, { ...content, revision: task.revision });
  find(".unsaved").hidden = isSaved;
}

/** Say what is chosen, after what was done to it: a screen reader has no other news of a change. */
function announce(event = "") {
  const { current, boxes } = model;
  const names = model.labels.map((id) => labels.name(id)).join(", ");
  const chosen = hasBoxes ? current && list.describe(current, boxes.indexOf(current) + 1) : names;
  say([event, chosen, isKept ? "" : texts.notKept].filter(Boolean).join(" "));
}

function onDraw(box, key) {
  if (!box) return changed("selection"); // a click
  if (!labels.chosen) return say(texts.noLabels);
  model.add({ ...box, label: labels.chosen }, key);
}

function onPlace(key, box, isLast) {
  if (!isLast) return; // the picture follows the pointer by itself
  model.place(key, box);
  changed("boxes"); // also where nothing moved: in whole pixels
}

// Saving, and what may go wrong

async function save() {
  if (isBusy || !model) return;
  if (hasBoxes && !model.boxes.length && !isEmptyAsked) return say(texts.needsBox);
  const [picture, content] = [task.id, model.content()];
  await attempt(save, async () => {
    showProgress(await requests.save(picture, { revision: task.revision, ...content }));
    drafts.forget(picture, draftSeen);
    done.push(picture);
    await advance();
    say(content.boxes.length || content.labels.length ? texts.saved : texts.savedEmpty);
  });
}

/** Go on; what was saved stays saved if the next picture cannot be loaded. */
async function advance() {
  const wasAsked = location.search;
  if (wasAsked) history.replaceState(null, "", location.pathname);
  await attempt(advance, async () => {
    const answer = await requests.next(skipped.slice(-100));
    showProgress(answer.progress);
    await show(answer.task);
    focusPicture();
  });
}

async function attempt(again, action) {
  isBusy = true;
  section.ariaBusy = "true";
  try {
    notice.clear();
    await action();
  } catch (error) {
    if (error.status === undefined) throw error;
    failed(error, again);
  } finally {
    isBusy = false;
    section.ariaBusy = null;
  }
}

function failed({ status: code, problem }, again) {
  retry = null;
  const here = `${location.pathname}?picture=${task?.id ?? ""}`;
  const repeat = { [texts.tryAgain]: again };
  if (code === 0) {
    retry = again;
    notice.show(texts.offline, repeat);
  } else if (code === 401) {
    notice.show(texts.signedOut, { [texts.signIn]: section.dataset.signIn + encodeURIComponent(here), ...repeat });
  } else if (code === 409 && problem.current) {
    showConflict(problem.current);
  } else if (code === 404) {
    // Nobody can open the picture any more.
    if (again === save) drafts.forget(task.id);
    if (again === openPrevious) done.pop();
    notice.show(texts.gone, { [texts.goOn]: advance });
  } else if (code === 422) { // such as a label that was deleted: this page still offers it
    notice.show(problem.detail, { [texts.reload]: () => location.reload(), ...repeat });
  } else {
    notice.show(problem.detail ?? texts.offline, repeat);
  }
}

/** Somebody else saved the picture: their boxes or these, and the others can be had back. */
function showConflict(theirs) {
  task = { ...task, revision: theirs.revision };
  const name = theirs.labelled_by ?? "?";
  const number = hasBoxes ? theirs.boxes.length : theirs.labels.length;
  notice.show(fill(texts.conflict, { name, time: timeOf(theirs.labelled_at ?? Date.now()), number }), {
    [texts.takeTheirs]: () => {
      model.replace(theirs);
      saved = JSON.stringify(model.content());
      changed("boxes");
      notice.show(texts.tookTheirs);
    },
    [texts.saveMine]: () => {
      isEmptyAsked = true;
      save();
    },
  });
}

async function renew() {
  if (document.hidden || !task || isBusy) return;
  const { id } = task;
  try {
    const lease = await requests.renew(id);
    if (task?.id !== id) return;
    if (lease.revision !== task.revision) showConflict(await requests.read(id));
    else if (lease.holder) notice.show(fill(texts.taken, { name: lease.holder }));
  } catch (error) {
    if (error.status === undefined) throw error;
    if (error.status === 401 && task?.id === id) failed(error, renew);
  }
}

// Other commands

function markEmpty() {
  if (!model) return;
  if (!model.isEmpty && !isEmptyAsked) {
    say(hasBoxes ? texts.askEmpty : texts.askEmptyLabels);
    isEmptyAsked = true;
    return;
  }
  if (!model.isEmpty) model.replace({ boxes: [], labels: [] });
  isEmptyAsked = true;
  save();
}

function addBox() {
  if (!labels.chosen) return say(texts.noLabels);
  const key = model.add({ ...view.middle(), label: labels.chosen });
  list.focus(key);
}

function remove() {
  if (!model?.current) return;
  const { current, boxes } = model;
  const removed = fill(texts.removed, { number: boxes.indexOf(current) + 1, name: labels.name(current.label) });
  model.remove(current.key);
  announce(model.current ? `${removed} ${texts.nowChosen}` : removed);
}

function undo() {
  if (!model) return;
  if (model.undo()) announce(texts.undone);
  else say(texts.nothingToUndo);
}

function redo() {
  if (model.redo()) announce(texts.redone);
}

function skip() {
  if (!task) return;
  skipped.push(task.id);
  advance();
}

async function openPrevious() {
  if (isBusy || !done.length) return;
  await attempt(openPrevious, async () => {
    const previous = await requests.open(done.at(-1));
    done.pop(); // not before: what failed is tried again
    await show(previous);
  });
}

async function suggest() {
  const { id } = task;
  let found;
  try {
    found = await requests.suggestions(id);
  } catch {
    return; // it is an offer, not a need
  }
  if (task?.id !== id || !(found.boxes.length + found.labels.length)) return;
  suggestion = found;
  view?.suggest(found.boxes, (box) => labels.colour(box.label));
  const named = found.labels.map((label) => labels.name(label)).join(", ");
  const number = found.boxes.length;
  const text = found.version === null ? "seen" : "suggested"; // it came with the picture, or is a model's
  const ofBoxes = text === "suggested" && number === 1 ? "suggestedOne" : text;
  offer.show(fill(texts[hasBoxes ? ofBoxes : `${text}Labels`], { ...found, number, named }), {
    [texts.useThem]: takeSuggestion,
    [texts.noThanks]: dropSuggestion,
  });
}

function takeSuggestion() {
  if (!suggestion) return;
  const { boxes, labels: ids } = suggestion;
  dropSuggestion();
  model.replace({ boxes: [...model.content().boxes, ...boxes.map(({ score: _, ...box }) => box)], labels: [...new Set([...model.labels, ...ids])] });
}

function dropSuggestion() {
  suggestion = null;
  view?.suggest([]);
  offer.clear();
}

function setMode(wanted) {
  mode = wanted;
  view?.setMode(mode);
  for (const button of section.querySelectorAll("[data-mode]")) button.ariaPressed = String(button.dataset.mode === mode);
}

function showProgress(newest = progress) {
  progress = newest;
  const bar = find(".progress progress");
  [bar.max, bar.value] = [progress.pictures || 1, progress.labelled];
  find(".progress span").textContent = fill(texts.progress, progress);
}

/** Let operators make a labelled picture one that labellers are rated by. */
function showTruth() {
  const form = find(".truth");
  if (!form) return;
  form.hidden = !task.revision;
  form.action = section.dataset.truth.replace("PICTURE", task.id);
  form.querySelector("[value=true]").hidden = task.is_truth;
  form.querySelector("[value=false]").hidden = !task.is_truth;
}

/** Say on which other pictures there are unsaved boxes. */
function showUnsaved() {
  const others = drafts.pictures().filter((id) => id !== task?.id);
  const element = find(".others");
  element.hidden = !others.length;
  if (!others.length) return;
  const link = Object.assign(document.createElement("a"), {
    href: `${location.pathname}?picture=${others[0]}`, textContent: texts.openUnsaved,
  });
  element.replaceChildren(fill(texts.unsavedElsewhere, { number: others.length }), " ", link);
}

async function showHistory() {
  if (!find(".history").open || !task) return;
  await attempt(showHistory, async () => {
    const { entries } = await requests.history(task.id);
    find(".history ol").replaceChildren(
      ...entries.map((entry) => {
        const item = document.createElement("li");
        const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: texts.showThese });
        button.addEventListener("click", () => model.replace(entry));
        const number = hasBoxes ? entry.boxes.length : entry.labels.length;
        item.append(fill(texts.entry, { name: entry.labelled_by, time: new Date(entry.labelled_at).toLocaleString(document.documentElement.lang), number }), " ", button);
        return item;
      }),
    );
  });
}

function focusPicture() {
  if (document.activeElement === document.body || section.contains(document.activeElement)) scroller.focus({ preventScroll: true });
}

// Keys

const COMMANDS = {
  n: markEmpty, u: undo, s: skip, p: openPrevious, y: takeSuggestion,
  b: () => hasBoxes && addBox(),
  m: () => hasBoxes && setMode(mode === "draw" ? "move" : "draw"),
  "+": () => view?.zoomBy(1, model.current), "-": () => view?.zoomBy(-1, model.current), 0: () => view?.zoomBy(0),
  Escape: () => model.select(null),
  Delete: remove, Backspace: remove,
};

function pressed(event) {
  if (!model || isBusy || event.altKey || event.isComposing) return;
  const { target, key } = event;
  const isField = target.matches("input:not([type=radio], [type=checkbox]), select, textarea");
  const isControl = target.closest("button:not(.box), a, summary") || target.matches("input");
  const command = event.ctrlKey || event.metaKey;
  if (isField) return;
  if (command && key.toLowerCase() === "z") return take(event, event.shiftKey ? redo : undo);
  if (command && key.toLowerCase() === "y") return take(event, redo);
  if (key in ARROWS && !target.matches("[type=radio]") && model.current) {
    const [x, y] = ARROWS[key].map((step) => step * (command ? 10 : 1));
    return take(event, () => {
      model.nudge(x, y, event.shiftKey);
      view.reveal(model.current);
    });
  }
  if (command) return;
  if (key === "Enter" && !isControl) return take(event, save);
  if (keysOff.checked && key.length === 1) return;
  if (/^[1-9]$/.test(key) || (key === "0" && labels.digits.text && Date.now() - labels.digits.at < 1000 && project.labels.length > 9)) {
    return take(event, () => labels.typeDigit(key));
  }
  if (key in COMMANDS) take(event, COMMANDS[key]);
}

function take(event, action) {
  event.preventDefault();
  event.stopImmediatePropagation(); // Annotorious has an undo of its own
  if (action === save && event.repeat) return;
  action();
}

const CLICKS = {
  ".save": save, ".empty": markEmpty, ".undo": undo, ".skip": skip, ".previous": openPrevious, ".add": addBox, ".remove": remove,
  ".zoom-in": () => view?.zoomBy(1, model.current), ".zoom-out": () => view?.zoomBy(-1, model.current),
  ".again": () => {
    skipped.length = 0;
    advance();
  },
};
for (const [selector, action] of Object.entries(CLICKS)) find(selector)?.addEventListener("click", action);
for (const button of section.querySelectorAll("[data-mode]")) button.addEventListener("click", () => setMode(button.dataset.mode));
const keysOff = find(".keys-off");
keysOff.checked = recall("label-keys-off") === "true";
keysOff.addEventListener("change", () => remember("label-keys-off", keysOff.checked));
find(".history").addEventListener("toggle", showHistory);
document.addEventListener("keydown", pressed, { capture: true });
document.addEventListener("visibilitychange", renew);
addEventListener("online", () => retry?.());
setInterval(renew, RENEW);
setMode(mode);
showProgress(JSON.parse(section.dataset.progress));
const showFirst = () => show(JSON.parse(section.dataset.task));
attempt(showFirst, showFirst);
