// Tracks of a video, and where their objects are at a moment. The same rules as in
// rubberduck/videos/interpolation.py, which draws the boxes of the video to download.

// Times are rounded to milliseconds, by us and by WebM: a frame may lie a bit before its sample.
const TOLERANCE = 0.002; // seconds

/** `sightings` are [seconds, lasts, score, left, top, width, height], in the order of time. */
export class Tracks {
  constructor(tracks) {
    this.tracks = tracks.filter((track) => track.sightings.length);
  }

  /** Return { track, score, box, isSeen } of each track at a moment in seconds. */
  at(seconds) {
    return this.tracks.map((track) => shownAt(track, seconds + TOLERANCE)).filter(Boolean);
  }
}

function shownAt(track, seconds) {
  const { sightings } = track;
  const index = lastBefore(sightings, seconds);
  if (index < 0) return null;
  const [from, to] = [sightings[index], sightings[index + 1]];
  const [start, lasts, score, ...box] = from;
  const isSeen = seconds < start + lasts + TOLERANCE;
  if (!to) return isSeen ? { track, score, box, isSeen } : null;
  const share = Math.min((seconds - TOLERANCE - start) / (to[0] - start), 1);
  const between = box.map((side, number) => side + Math.max(share, 0) * (to[3 + number] - side));
  return { track, score, box: between, isSeen };
}

/** Return the index of the last sighting that is not later, or -1. */
function lastBefore(sightings, seconds) {
  let [low, high] = [0, sightings.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sightings[middle][0] <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
