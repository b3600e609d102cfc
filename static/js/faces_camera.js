// Live camera of the game "Faces": counts smiles. Opened by who agrees only; nothing is kept.
import {
  FrameRejected, cameraError, constraints, drawOutlines, obstacle, retryWait, sendFrame, setText, sleep,
} from "./live_camera.js";
import { Pace } from "./memory.js";

const section = document.querySelector(".camera");
const texts = section.dataset;
const [offPanel, onPanel, errorText, video, boxes, consent, onButton, offButton, most] = [
  ".before", ".during", ".trouble", "video", ".boxes", "#consent", "button.on", ".off", ".sure",
].map((selector) => section.querySelector(selector));
const status = section.querySelector('[role="status"]');

const HIDDEN_PAUSE = 200; // milliseconds

let stream = null;
let session = new AbortController(); // aborted when the camera is turned off

function showError(text) {
  setText(errorText, text);
  errorText.hidden = !text;
}

function turnOff() {
  session.abort();
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = video.srcObject = null;
  drawOutlines(boxes, null);
  offPanel.hidden = false;
  onPanel.hidden = true;
  onButton.disabled = false;
  setText(status, "");
  setText(most, "");
}

function fail(text, signal) {
  if (signal.aborted) return; // turned off already
  turnOff();
  showError(text);
  onButton.focus({ preventScroll: true });
}

async function turnOn() {
  if (!consent.checked) {
    showError(texts.noConsent);
    return consent.focus();
  }
  const { signal } = (session = new AbortController());
  showError("");
  setText(status, texts.asking);
  onButton.disabled = true;
  try {
    const opened = await navigator.mediaDevices.getUserMedia({ video: constraints(null, "user") });
    if (signal.aborted) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    stream.getVideoTracks()[0].addEventListener("ended", () => fail(texts.lost, signal));
    video.srcObject = stream;
    offPanel.hidden = true;
    onPanel.hidden = false; // before play(): some phones do not play a hidden video
    await video.play();
  } catch (error) {
    return fail(cameraError(error, texts), signal);
  }
  if (signal.aborted) return;
  offButton.focus({ preventScroll: true });
  setText(status, texts.looking);
  watch(signal);
}

/** Send one frame after the other, never two at once, until `signal` is aborted. */
async function watch(signal) {
  const pace = new Pace();
  let failures = 0;
  let mostSmiles = 0;
  while (!signal.aborted) {
    if (document.hidden) {
      await sleep(HIDDEN_PAUSE);
      continue;
    }
    try {
      const start = performance.now();
      const answer = await sendFrame(texts.frames, video, pace.side, signal, { consent: "yes" });
      const took = performance.now() - start;
      pace.add(took);
      if (failures) showError("");
      failures = 0;
      mostSmiles = Math.max(mostSmiles, show(answer));
      setText(most, texts.most.replace("{count}", mostSmiles));
      await sleep(pace.pause(took));
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      drawOutlines(boxes, null);
      if (error.isRateLimited) pace.tooMany();
      else showError(error instanceof FrameRejected ? texts.busy : texts.noConnection);
      await sleep(error.isRateLimited ? pace.pause(0) : retryWait(error, failures));
    }
  }
}

/** Draw the faces of a frame and say how many smile; return that number. */
function show({ faces, width, height }) {
  const outlines = faces.map(({ box, smile }) => ({
    left: box.left * width,
    top: box.top * height,
    right: (box.left + box.width) * width,
    bottom: (box.top + box.height) * height,
    text: smile?.is_smiling ? texts.smiles : texts.noSmile,
  }));
  drawOutlines(boxes, { width, height, outlines });
  const smiles = faces.filter(({ smile }) => smile?.is_smiling).length;
  const text = faces.length ? texts.count.replace("{smiles}", smiles).replace("{faces}", faces.length) : texts.noFace;
  setText(status, text);
  return smiles;
}

onButton.addEventListener("click", turnOn);
offButton.addEventListener("click", () => {
  turnOff();
  onButton.focus({ preventScroll: true });
});
addEventListener("pagehide", turnOff);

const missing = obstacle(texts);
if (missing) showError(missing);
else onButton.hidden = false;
