// Moments of a video to click: links with their seconds, bars of minutes, and where it plays now.

const MINUTE = 60; // seconds

/** Let links and bars of the page seek in the player, and mark in the timeline where it is. */
export function showMoments(video) {
  document.addEventListener("click", (event) => {
    const seconds = moment(event);
    if (seconds === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    seek(video, seconds);
  });
  for (const name of ["timeupdate", "seeking", "loadedmetadata"]) {
    video.addEventListener(name, () => mark(video));
  }
}

/** Return the seconds of what was clicked, or null. */
function moment(event) {
  const minutes = event.target.closest(".minutes");
  if (minutes) return MINUTE * Math.floor(share(event, minutes) * minutes.viewBox.baseVal.width);
  const link = event.target.closest("a[data-seconds]");
  return link && Number(link.dataset.seconds);
}

const share = (event, element) => {
  const { left, width } = element.getBoundingClientRect();
  return Math.min(Math.max((event.clientX - left) / width, 0), 0.999999);
};

function seek(video, seconds) {
  video.currentTime = seconds;
  const player = document.getElementById("player");
  const { top, bottom } = player.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) player.scrollIntoView({ block: "nearest" });
}

/** Move the marks of the timeline, and mark the tracks that are in the picture. */
function mark(video) {
  if (!video.duration) return;
  const timeline = document.getElementById("timeline");
  if (!timeline) return;
  timeline.classList.add("live");
  const place = `${(100 * video.currentTime) / video.duration}%`;
  for (const line of timeline.querySelectorAll(".now")) {
    line.setAttribute("x1", place);
    line.setAttribute("x2", place);
  }
  for (const link of timeline.querySelectorAll("a[data-end]")) {
    const { seconds, end } = link.dataset;
    link.classList.toggle("playing", video.currentTime >= seconds && video.currentTime < end);
  }
}
