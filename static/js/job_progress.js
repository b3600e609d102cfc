// Follow a job: poll its status, every second at first and every ten seconds later, while visible.
import { exactly } from "./percent.js";

const FIRST_DELAY = 1000;
const MAX_DELAY = 10_000; // milliseconds
const SLOWER = 1.2;

/** Show the progress of the job in `section`; `onEnd` is called when its state is another one. */
export function followJob(section, onEnd) {
  const bar = section.querySelector("progress");
  const [percent, message, waits] = ["progress", "message", "waits"].map((id) => document.getElementById(id));
  let delay = FIRST_DELAY;
  let timer;

  async function poll() {
    try {
      const response = await fetch(section.dataset.status); // an unchanged status is a 304
      if (response.ok) {
        const status = await response.json();
        if (status.state !== section.dataset.state) {
          document.removeEventListener("visibilitychange", restart);
          onEnd(status);
          return;
        }
        show(status);
      }
    } catch {
      // Offline or restarting: the next poll tries again.
    }
    delay = Math.min(delay * SLOWER, MAX_DELAY);
    schedule();
  }

  function show(status) {
    if (bar.value !== status.progress) delay = FIRST_DELAY;
    bar.value = status.progress;
    percent.textContent = exactly(status.progress);
    if (message.textContent !== status.message) message.textContent = status.message;
    waits.hidden = !status.waits;
  }

  function schedule() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(poll, delay);
  }

  function restart() {
    delay = FIRST_DELAY;
    schedule();
  }

  document.addEventListener("visibilitychange", restart);
  schedule();
}
