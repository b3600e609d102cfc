// Accept files that are dropped or pasted anywhere on the page.

let handleFiles = () => {};

/** Call `handler` with an array of files for each drop or paste; replaces an earlier handler. */
export function onFiles(handler) {
  handleFiles = handler;
}

// Moving between elements fires enter before leave: count them.
let dragDepth = 0;
const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

function setDragDepth(depth) {
  dragDepth = depth;
  document.body.classList.toggle("dropping", depth > 0);
}

addEventListener("dragenter", (event) => carriesFiles(event) && setDragDepth(dragDepth + 1));
addEventListener("dragleave", (event) => carriesFiles(event) && setDragDepth(Math.max(0, dragDepth - 1)));
addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  setDragDepth(0);
  handleFiles([...event.dataTransfer.files]);
});

addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  handleFiles(files);
});
