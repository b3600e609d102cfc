// Browsers that hide canvas pixels: privacy.resistFingerprinting (Tor, Mullvad, LibreWolf) makes
// Firefox return random or white ones, without an error.

const SIDE = 16; // pixels
const MAX_DIFFERENCE = 8; // of 255; Brave and private windows change the lowest bits, which is harmless
let answer;

/** Return whether pixels drawn on a canvas are read back as they were; asked once a page. */
export function canReadCanvas() {
  answer ??= readsKnownPixels();
  return answer;
}

function readsKnownPixels() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const drawn = context.createImageData(SIDE, SIDE);
  for (let i = 0; i < drawn.data.length; i++) drawn.data[i] = i % 4 === 3 ? 255 : (i * 37) % 256;
  context.putImageData(drawn, 0, 0);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return data.every((value, i) => Math.abs(value - drawn.data[i]) <= MAX_DIFFERENCE);
}
