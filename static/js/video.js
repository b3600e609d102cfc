// The page of a video: boxes over the player, moments to click, filters that keep the player.
import { showCopyButtons } from "./copy.js";
import { followJob } from "./job_progress.js";
import { exactly } from "./percent.js";
import { renewLink } from "./video_link.js";
import { Overlay } from "./video_overlay.js";
import { showMoments } from "./video_moments.js";
import { Tracks } from "./video_tracks.js";

const stage = document.querySelector("#player .stage");
const video = stage?.querySelector("video");
const overlay = video && new Overlay(video, stage.querySelector(".boxes"), new Tracks([]));

async function loadTracks() {
  const response = await fetch(stage.dataset.tracks);
  if (response.ok) overlay.show(new Tracks((await response.json()).tracks));
}

if (video) {
  const tools = document.querySelector(".player-tools");
  const [boxes, whole] = tools.querySelectorAll("button");
  tools.hidden = false;
  boxes.addEventListener("click", () => {
    const isOn = boxes.getAttribute("aria-pressed") !== "true";
    boxes.setAttribute("aria-pressed", isOn);
    overlay.toggle(isOn);
  });
  // The player's own full screen shows the video without what lies over it.
  whole.hidden = !document.fullscreenEnabled;
  stage.style.setProperty("--ratio", overlay.width / overlay.height);
  stage.classList.add("shaped");
  whole.addEventListener("click", () => stage.requestFullscreen());
  const failed = document.querySelector("#player .trouble");
  renewLink(video, () => (failed.hidden = false));
  video.addEventListener("loadeddata", () => (failed.hidden = true));
  loadTracks().catch(() => {}); // without them the video plays as it is
  showMoments(video);
}

const filters = document.querySelector(".filters");
const filterError = filters.querySelector(".trouble");
const DEBOUNCE_MS = 150;
// Elements that depend on the filters. Only their content is replaced: live regions must persist.
const PARTS = [".verdict [role=status]", "#found", ".filters .small", ".saved"];
let controller = null; // of the request in progress
let timer = null;

/** Fetch the page under the filters and show its parts: the rule runs on the server. */
async function judgeAgain() {
  controller?.abort();
  controller = new AbortController();
  const url = new URL(location.pathname, location.href);
  for (const [name, value] of new FormData(filters)) if (value) url.searchParams.set(name, value);
  try {
    const response = await fetch(url, { headers: { Accept: "text/html" }, signal: controller.signal });
    if (!response.ok) throw new TypeError("request failed");
    showParts(new DOMParser().parseFromString(await response.text(), "text/html"));
    history.replaceState(null, "", url);
    filterError.hidden = true;
    if (video) await loadTracks();
  } catch (error) {
    if (error.name === "AbortError") return;
    filterError.textContent = filters.dataset.offline;
    filterError.hidden = false;
  }
}

function showParts(fetched) {
  const [old, fresh] = [document, fetched].map((page) => page.querySelector(".verdict"));
  old.className = fresh.className;
  for (const part of PARTS) {
    document.querySelector(part)?.replaceChildren(...fetched.querySelector(part).childNodes);
  }
  if (stage) stage.dataset.tracks = fetched.querySelector("#player .stage").dataset.tracks;
  document.title = fetched.title;
}

filters.addEventListener("input", () => {
  filters.querySelector("output").textContent = exactly(filters.elements.confidence.value);
  clearTimeout(timer);
  timer = setTimeout(judgeAgain, DEBOUNCE_MS);
});
filters.addEventListener("submit", (event) => {
  event.preventDefault();
  judgeAgain();
});
filters.querySelector("button").hidden = true;

/** Follow the job that draws the boxes in, and show its part of the page anew when it ends. */
function followRendering() {
  const section = document.getElementById("job");
  if (!section?.querySelector("progress")) return;
  followJob(section, async () => {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    section.replaceWith(page.getElementById("job"));
    followRendering();
  });
}
followRendering();

const link = document.getElementById("link");
const share = document.querySelector(".send"); // the system's share dialog
share.hidden = !navigator.share;
share.addEventListener("click", () => navigator.share({ title: document.title, url: link.value }).catch(() => {}));
link.addEventListener("focus", () => link.select());
showCopyButtons();
