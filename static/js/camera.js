// Live camera: opened on a click only; frames are analysed one by one; a picture is stored on demand.
import {
  FrameRejected, cameraError, constraints, drawOutlines, obstacle, retryWait, sendFrame, setText, sleep,
} from "./live_camera.js";
import { Memory, Pace } from "./memory.js";
import { percent } from "./percent.js";
import { UploadRejected, send, toJpeg } from "./pictures.js";

const section = document.querySelector(".camera");
const texts = section.dataset;
const [offPanel, onPanel, errorText, video, boxes, cameraChoice, uploadPanel] = [
  ".before", ".during", ".trouble", "video", ".boxes", ".which", ".going",
].map((selector) => section.querySelector(selector));
const [onButton, keepButton, offButton, select, progress] = [
  "button.on", ".keep", ".off", "select", "progress",
].map((selector) => section.querySelector(selector));
const [verdictStatus, uploadStatus] = section.querySelectorAll('[role="status"]');
const confidence = section.querySelector(".sure");

const REDRAW_INTERVAL = 100; // milliseconds
const MAX_RATE_LIMITED = 5; // 429 responses in a row that only slow the camera down

let stream = null;
let session = new AbortController(); // aborted when the camera is turned off or switched
let isKeeping = false; // while a picture is being uploaded
let drawnAnswer = null;

function showError(text) {
  setText(errorText, text);
  errorText.hidden = !text;
}

function stop() {
  session.abort();
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = video.srcObject = null;
  show(new Memory());
}

function turnOff() {
  stop();
  setKeeping(false);
  setOn(false);
  onButton.disabled = false;
  setText(verdictStatus, "");
}

function setOn(isOn) {
  offPanel.hidden = isOn;
  onPanel.hidden = !isOn;
  section.classList.toggle("verdict", isOn);
}

async function turnOn(deviceId) {
  stop();
  const { signal } = (session = new AbortController());
  showError("");
  setText(verdictStatus, texts.asking);
  onButton.disabled = keepButton.disabled = true;
  try {
    const opened = await navigator.mediaDevices.getUserMedia({ video: constraints(deviceId) });
    if (signal.aborted) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    stream.getVideoTracks()[0].addEventListener("ended", () => fail(texts.lost, signal));
    video.srcObject = stream;
    setOn(true); // before play(): some phones do not play a hidden video
    await video.play();
  } catch (error) {
    return fail(cameraError(error, texts), signal);
  }
  if (signal.aborted) return;
  keepButton.disabled = false;
  if (!deviceId) keepButton.focus({ preventScroll: true });
  listCameras().catch(() => {}); // the choice is optional
  setText(verdictStatus, texts.frames ? texts.looking : "");
  if (texts.frames) watch(signal);
}

function fail(text, signal) {
  if (signal.aborted) return; // turned off already, or switched
  turnOff();
  showError(text);
  onButton.focus({ preventScroll: true });
}

/** Fill the list of cameras; browsers reveal their names only after permission. */
async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter((device) => device.kind === "videoinput");
  const current = stream?.getVideoTracks()[0].getSettings().deviceId;
  select.replaceChildren(
    ...cameras.map(({ deviceId, label }, index) => {
      const name = label || texts.one.replace("{number}", index + 1);
      return new Option(name, deviceId, false, deviceId === current);
    }),
  );
  cameraChoice.hidden = cameras.length < 2;
}

/** Send one frame after the other, never two at once, until `signal` is aborted. */
async function watch(signal) {
  const pace = new Pace();
  let memory = new Memory();
  let failures = 0;
  const redraw = setInterval(() => show(memory), REDRAW_INTERVAL);
  signal.addEventListener("abort", () => clearInterval(redraw));
  while (!signal.aborted) {
    if (document.hidden) memory = resetMemory();
    if (document.hidden || isKeeping) {
      await sleep(REDRAW_INTERVAL);
      continue;
    }
    try {
      const start = performance.now();
      memory.add(await sendFrame(texts.frames, video, pace.side, signal), performance.now());
      const took = performance.now() - start;
      pace.add(took);
      if (failures) showError("");
      failures = 0;
      showVerdict(memory);
      await sleep(pace.pause(took));
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      if (error.isRateLimited && failures <= MAX_RATE_LIMITED) {
        pace.tooMany();
        await sleep(pace.pause(0));
        continue;
      }
      memory = resetMemory();
      showError(error instanceof FrameRejected ? texts.busy : texts.noConnection);
      await sleep(retryWait(error, failures));
    }
  }
}

/** Return an empty memory, after a pause or an error: older answers no longer apply. */
function resetMemory() {
  setText(verdictStatus, texts.looking);
  return new Memory();
}

/** Show and announce the answer; the percentage is outside of the live region. */
function showVerdict(memory) {
  if (memory.found !== null) setText(verdictStatus, memory.found ? texts.yes : texts.no);
  show(memory);
}

function show(memory) {
  section.classList.toggle("yes", memory.found === true);
  setText(confidence, memory.found ? texts.sure.replace("{score}", percent(memory.score)) : "");
  draw(memory.picture(performance.now()));
}

function draw(picture) {
  if (picture === drawnAnswer) return;
  drawnAnswer = picture;
  drawOutlines(boxes, picture);
}

function setKeeping(keeping) {
  isKeeping = keeping;
  uploadPanel.hidden = !keeping;
  keepButton.disabled = select.disabled = keeping;
  progress.value = 0;
  setText(uploadStatus, keeping ? texts.sending : "");
}

function resume() {
  video.play().catch(() => {}); // it may have been turned off in the meantime
}

/** Upload the current frame in full size and go to its result page. */
async function keepPicture() {
  const { signal } = session;
  const picture = toJpeg(video, video.videoWidth, video.videoHeight, Number(texts.maxSide));
  video.pause(); // keep showing the frame that is uploaded
  showError("");
  setKeeping(true);
  try {
    const result = await send(texts.api, await picture, { onProgress: showProgress, signal });
    if (signal.aborted) return;
    // The same picture is still being checked: its page shows the answer when it is ready.
    location.assign(result.links?.page ?? texts.page.replace("ID", result.id));
  } catch (error) {
    if (signal.aborted) return;
    setKeeping(false);
    showError(error instanceof UploadRejected ? error.message : texts.notKept);
    resume();
  }
}

function showProgress(share) {
  progress.value = share;
  if (share === 1) setText(uploadStatus, texts.looking);
}

onButton.addEventListener("click", () => turnOn());
offButton.addEventListener("click", () => {
  turnOff();
  onButton.focus({ preventScroll: true });
});
keepButton.addEventListener("click", keepPicture);
select.addEventListener("change", () => turnOn(select.value));
addEventListener("pagehide", turnOff);
// Phones pause the video of a hidden page.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && stream && !isKeeping) resume();
});

const missing = obstacle(texts);
if (missing) showError(missing);
else {
  onButton.hidden = false;
  if (location.hash === "#on") turnOn(); // the visitor came by the first page's button
}
