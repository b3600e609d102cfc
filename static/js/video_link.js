// A signed link to a video lives for some time only: on an error ask for a new one, and go on.

const MAX_TRIES = 3; // without a frame in between
const WAIT = 1000; // milliseconds, doubled with each try

/** Load the video's own address again when it fails. `onGiveUp` is called when that is in vain. */
export function renewLink(video, onGiveUp) {
  const address = new URL(video.getAttribute("src"), location.href);
  let tries = 0;
  let renewals = 0;
  let place = { seconds: 0, isPlaying: false };
  const remember = () => {
    // While nothing is loaded, the time is 0 and says nothing.
    if (video.readyState) place = { seconds: video.currentTime, isPlaying: !video.paused };
  };
  for (const name of ["timeupdate", "play", "pause", "seeking"]) video.addEventListener(name, remember);
  video.addEventListener("playing", () => (tries = 0));
  video.addEventListener("seeked", () => (tries = 0));

  video.addEventListener("error", () => {
    if (video.error?.code === MediaError.MEDIA_ERR_DECODE || tries >= MAX_TRIES) {
      onGiveUp();
      return;
    }
    const { seconds, isPlaying } = place;
    const failedAt = video.currentTime;
    setTimeout(() => {
      const isChosen = video.currentTime !== failedAt; // by the visitor, since the error
      load(isChosen ? video.currentTime : seconds, isPlaying);
    }, WAIT * (2 ** tries - 1));
    tries += 1;
  });

  function load(seconds, isPlaying) {
    address.hash = "";
    address.searchParams.set("again", ++renewals); // browsers may remember where the last one led to
    video.src = address.href;
    video.currentTime = seconds; // where it begins, unless the visitor chooses another place meanwhile
    if (isPlaying) video.play().catch(() => {}); // the visitor has paused it meanwhile
  }
}
