// The camera: asked for after a click only, looked at frame by frame, kept only on demand.
import { Memory, Pace } from "./memory.js";
import { Refused, send, toJpeg } from "./pictures.js";

const section = document.querySelector(".camera");
const words = section.dataset;
const [before, during, trouble, video, boxes, which, going] = [
  ".before", ".during", ".trouble", "video", ".boxes", ".which", ".going",
].map((each) => section.querySelector(each));
const [on, keep, off, select, progress] = ["button.on", ".keep", ".off", "select", "progress"].map(
  (each) => section.querySelector(each),
);
const [said, state] = section.querySelectorAll('[role="status"]');
const sure = section.querySelector(".sure");

const QUALITY = 0.7; // of a frame's JPEG; the detector sees it small anyway
const PATIENCE = 15_000; // milliseconds for one answer
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
const REDRAW = 100;
const MAX_REFUSALS = 5; // "too many requests" in a row that only slow the camera down
const WHY = {
  NotAllowedError: words.denied,
  SecurityError: words.denied,
  NotFoundError: words.none,
  OverconstrainedError: words.none,
  NotReadableError: words.inUse,
  AbortError: words.inUse,
};

let stream = null;
let session = new AbortController(); // of the camera that is on: stops all that belongs to it
let keeping = false;
let shown = null; // the answer whose boxes are drawn

/** Change a text only if it differs: a screen reader says each change. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function complain(text) {
  say(trouble, text);
  trouble.hidden = !text;
}

function stop() {
  session.abort();
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = video.srcObject = null;
  show(new Memory());
}

function turnOff() {
  stop();
  isKeeping(false);
  isOn(false);
  on.disabled = false;
  say(said, "");
}

function isOn(yes) {
  before.hidden = yes;
  during.hidden = !yes;
  section.classList.toggle("verdict", yes);
}

async function turnOn(deviceId) {
  stop();
  const { signal } = (session = new AbortController());
  complain("");
  say(said, words.asking);
  on.disabled = keep.disabled = true;
  try {
    const opened = await navigator.mediaDevices.getUserMedia({ video: wanted(deviceId) });
    if (signal.aborted) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    stream.getVideoTracks()[0].addEventListener("ended", () => fail(words.lost, signal));
    video.srcObject = stream;
    isOn(true); // first: some phones play nothing that is hidden
    await video.play();
  } catch (error) {
    return fail(WHY[error.name] ?? words.broken, signal);
  }
  if (signal.aborted) return;
  keep.disabled = false;
  if (!deviceId) keep.focus({ preventScroll: true });
  listCameras().catch(() => {}); // without a choice, then
  say(said, words.frames ? words.looking : "");
  if (words.frames) watch(signal);
}

function wanted(deviceId) {
  const size = { width: { ideal: 1920 }, height: { ideal: 1080 } };
  if (deviceId) return { ...size, deviceId: { exact: deviceId } };
  return { ...size, facingMode: { ideal: "environment" } };
}

function fail(text, signal) {
  if (signal.aborted) return; // it is off already, or another one is on
  turnOff();
  complain(text);
  on.focus({ preventScroll: true });
}

/** To choose from; browsers tell the names only after the permission. */
async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter((device) => device.kind === "videoinput");
  const current = stream?.getVideoTracks()[0].getSettings().deviceId;
  select.replaceChildren(
    ...cameras.map(({ deviceId, label }, index) => {
      const name = label || words.one.replace("{number}", index + 1);
      return new Option(name, deviceId, false, deviceId === current);
    }),
  );
  which.hidden = cameras.length < 2;
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Ask about one frame after the other, never about two at once, until `signal` says stop. */
async function watch(signal) {
  const pace = new Pace();
  let memory = new Memory();
  let failures = 0;
  const redraw = setInterval(() => show(memory), REDRAW);
  signal.addEventListener("abort", () => clearInterval(redraw));
  while (!signal.aborted) {
    if (document.hidden) memory = forget();
    if (document.hidden || keeping) {
      await sleep(REDRAW);
      continue;
    }
    try {
      const start = performance.now();
      memory.add(await ask(pace.side, signal), performance.now());
      const took = performance.now() - start;
      pace.add(took);
      if (failures) complain("");
      failures = 0;
      tell(memory);
      await sleep(pace.pause(took));
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      if (error.isTooMany && failures <= MAX_REFUSALS) {
        pace.tooMany();
        await sleep(pace.pause(0));
        continue;
      }
      memory = forget();
      complain(error instanceof NoAnswer ? words.busy : words.noConnection);
      await sleep(error.wait ?? Math.min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT));
    }
  }
}

/** What was seen before a pause says nothing about now. */
function forget() {
  say(said, words.looking);
  return new Memory();
}

class NoAnswer extends Error {
  constructor(response) {
    super(response.statusText);
    this.isTooMany = response.status === 429;
    const seconds = Number(response.headers.get("Retry-After"));
    if (seconds > 0) this.wait = seconds * 1000;
  }
}

/** The site's answer to what the camera sees now. */
async function ask(side, signal) {
  const { videoWidth, videoHeight } = video;
  const body = new FormData();
  const frame = await toJpeg(video, videoWidth, videoHeight, side, [QUALITY]);
  body.append("picture", frame, "frame.jpg");
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  const response = await fetch(words.frames, { method: "POST", body, signal: patience });
  if (!response.ok) throw new NoAnswer(response);
  return response.json();
}

/** The answer in words; the percent stands outside of what a screen reader is told. */
function tell(memory) {
  if (memory.found !== null) say(said, memory.found ? words.yes : words.no);
  show(memory);
}

function show(memory) {
  section.classList.toggle("yes", memory.found === true);
  say(sure, memory.found ? words.sure.replace("{score}", percent(memory.score)) : "");
  draw(memory.picture(performance.now()));
}

function draw(picture) {
  if (picture === shown) return;
  shown = picture;
  if (picture) boxes.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
  const unit = picture && Math.min(picture.width, picture.height) / 100;
  boxes.replaceChildren(...(picture?.outlines ?? []).map((outline) => framed(outline, unit)));
}

/** As the site says it: what is not quite sure is never called 100%. */
function percent(value) {
  return `${value < 100 ? Math.min(Math.round(value), 99) : 100}%`;
}

function framed({ left, top, right, bottom, text }, unit) {
  const group = svg("g");
  const name = svg("text", { x: left + unit, y: Math.max(top - unit, 5 * unit), "font-size": 5 * unit });
  name.textContent = text;
  group.append(svg("rect", { x: left, y: top, width: right - left, height: bottom - top, rx: unit }), name);
  return group;
}

function svg(name, attributes = {}) {
  const element = document.createElementNS(boxes.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function isKeeping(yes) {
  keeping = yes;
  going.hidden = !yes;
  keep.disabled = select.disabled = yes;
  progress.value = 0;
  say(state, yes ? words.sending : "");
}

function playOn() {
  video.play().catch(() => {}); // it may have been turned off meanwhile
}

/** Send what is seen at this moment as large as it is, and go to its answer. */
async function keepThis() {
  const { signal } = session;
  const picture = toJpeg(video, video.videoWidth, video.videoHeight, Number(words.maxSide));
  video.pause(); // shows what is on its way
  complain("");
  isKeeping(true);
  try {
    const answer = await send(words.api, await picture, { sent: showSent, signal });
    if (!signal.aborted) location.assign(answer.links.page);
  } catch (error) {
    if (signal.aborted) return;
    isKeeping(false);
    complain(error instanceof Refused ? error.message : words.notKept);
    playOn();
  }
}

function showSent(share) {
  progress.value = share;
  if (share === 1) say(state, words.looking);
}

on.addEventListener("click", () => turnOn());
off.addEventListener("click", () => {
  turnOff();
  on.focus({ preventScroll: true });
});
keep.addEventListener("click", keepThis);
select.addEventListener("change", () => turnOn(select.value));
addEventListener("pagehide", turnOff);
// Phones stop the picture of a page that nobody sees.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && stream && !keeping) playOn();
});

if (!window.isSecureContext) complain(words.insecure);
else if (!navigator.mediaDevices?.getUserMedia) complain(words.unsupported);
else {
  on.hidden = false;
  if (location.hash === "#on") turnOn(); // the button on the first page was pressed
}
