// Boxes over a playing video, in step with its picture: drawn for the time of each frame shown.

const SVG = "http://www.w3.org/2000/svg";
const FONT_SIZE = 1 / 32; // of the longer side, as in pictures with boxes
const MIN_FONT_SIZE = 11;
const TAB_HEIGHT = 1.4; // font sizes
const PADDING = 0.8; // of a tab, both sides together, in font sizes
const GAP = 1 / 200; // of the longer side, between a box and its tab

export class Overlay {
  /** `svg` has a viewBox of the upright picture's size in pixels. */
  constructor(video, svg, tracks) {
    this.video = video;
    this.svg = svg;
    this.tracks = tracks;
    this.isOn = true;
    this.marks = [];
    const { width, height } = svg.viewBox.baseVal;
    [this.width, this.height, this.side] = [width, height, Math.max(width, height)];
    this.fontSize = Math.max(MIN_FONT_SIZE, this.side * FONT_SIZE);
    svg.setAttribute("font-size", this.fontSize);
    this.measure = document.createElement("canvas").getContext("2d");
    this.measure.font = `700 ${this.fontSize}px ${getComputedStyle(svg).fontFamily}`;
    this.#follow();
  }

  show(tracks) {
    this.tracks = tracks;
    this.draw(this.shownAt ?? this.video.currentTime);
  }

  toggle(isOn) {
    this.isOn = isOn;
    this.draw(this.shownAt ?? this.video.currentTime);
  }

  /** Draw what belongs to the frame at `seconds`. */
  draw(seconds) {
    this.shownAt = seconds;
    const shown = this.isOn && !this.isPoster ? this.tracks.at(seconds) : [];
    while (this.marks.length < shown.length) this.marks.push(this.#mark());
    this.marks.forEach((mark, number) => this.#place(mark, shown[number]));
  }

  #follow() {
    const { video } = this;
    // Until it plays or is sought, the poster is shown, a frame of another moment.
    this.isPoster = video.poster !== "" && video.currentTime === 0;
    for (const name of ["play", "seeking"]) {
      video.addEventListener(name, () => (this.isPoster = false), { once: true });
    }
    if (!("requestVideoFrameCallback" in HTMLVideoElement.prototype)) {
      for (const name of ["loadeddata", "seeked", "timeupdate"]) {
        video.addEventListener(name, () => this.draw(video.currentTime));
      }
      return;
    }
    const next = (_, { mediaTime }) => {
      this.draw(mediaTime);
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.draw(video.currentTime);
  }

  #mark() {
    const group = this.svg.appendChild(document.createElementNS(SVG, "g"));
    const add = (name, kind) => {
      const element = group.appendChild(document.createElementNS(SVG, name));
      element.setAttribute("class", kind);
      return element;
    };
    const [rim, line, tab, text] = [add("rect", "rim"), add("rect", "line"), add("rect", "tab"), add("text", "")];
    return { group, rim, line, tab, text };
  }

  #place({ group, rim, line, tab, text }, shown) {
    group.classList.toggle("off", !shown);
    if (!shown) return;
    group.classList.toggle("unseen-now", !shown.isSeen);
    group.dataset.track = shown.track.id;
    const [left, top, right, bottom] = this.#corners(shown.box);
    for (const rect of [rim, line]) setArea(rect, left, top, right - left, bottom - top);
    const name = shown.track.name;
    if (text.textContent !== name) {
      text.textContent = name;
      text.tabWidth = this.measure.measureText(name).width + PADDING * this.fontSize;
    }
    const [width, height, gap] = [text.tabWidth, TAB_HEIGHT * this.fontSize, GAP * this.side];
    const x = Math.max(0, Math.min(left, this.width - width));
    const y = top - gap - height >= 0 ? top - gap - height : Math.min(bottom + gap, this.height - height);
    setArea(tab, x, y, width, height);
    tab.setAttribute("rx", this.fontSize / 4);
    text.setAttribute("x", x + width / 2);
    text.setAttribute("y", y + height / 2);
  }

  /** Return the sides in pixels of the picture, inside it. */
  #corners([left, top, width, height]) {
    const inside = (share, length) => Math.min(Math.max(share, 0), 1) * length;
    return [
      inside(left, this.width),
      inside(top, this.height),
      inside(left + width, this.width),
      inside(top + height, this.height),
    ];
  }
}

function setArea(rect, x, y, width, height) {
  for (const [name, value] of Object.entries({ x, y, width, height })) rect.setAttribute(name, value);
}
