// Follow a job: poll its status, every second at first and every ten seconds later, while visible.

const FIRST_DELAY = 1000;
const MAX_DELAY = 10_000; // milliseconds
const SLOWER = 1.2;
const job = document.getElementById("job");
const bar = job.querySelector("progress");
const percent = document.getElementById("progress");
const message = document.getElementById("message");
const waits = document.getElementById("waits");
let delay = FIRST_DELAY;
let timer;

async function poll() {
  try {
    const response = await fetch(job.dataset.status); // revalidates: an unchanged status is a 304
    if (response.ok) {
      const status = await response.json();
      if (status.state !== job.dataset.state) {
        location.reload(); // its buttons and its log change, too
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
  percent.textContent = `${status.progress}%`;
  if (message.textContent !== status.message) message.textContent = status.message;
  waits.hidden = !status.waits;
}

function schedule() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(poll, delay);
}

document.addEventListener("visibilitychange", () => {
  delay = FIRST_DELAY;
  schedule();
});
schedule();
