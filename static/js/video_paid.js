// Follow the analysis at Amazon that runs for this video, and show its answer when it is there.
import { exactly } from "./percent.js";

const DELAY = 2000; // milliseconds

const box = document.querySelector("#amazon .paid[data-status]");

async function poll() {
  try {
    const response = document.hidden ? null : await fetch(box.dataset.status);
    if (response?.ok) {
      const status = await response.json();
      if (status.state !== box.dataset.state) {
        location.reload();
        return;
      }
      box.querySelector("progress").value = status.progress;
      box.querySelector(".percent").textContent = exactly(status.progress);
      const words = box.querySelector(".words");
      if (words.textContent !== status.message) words.textContent = status.message;
    }
  } catch {
    // Offline or restarting: the next poll tries again.
  }
  setTimeout(poll, DELAY);
}

if (box) setTimeout(poll, DELAY);
