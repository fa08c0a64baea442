// Text into the clipboard, and files out of what was dropped or pasted.

export async function copy(text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyBySelection(text);
}

// Browsers lend the clipboard to pages of this machine or over https alone.
function copyBySelection(text) {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.className = "unseen";
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  focused?.focus();
}

// onDrag: whether files hover over the page. isPasted: files of the clipboard have no name of their own.
export function receiveFiles(onDrag, onFiles) {
  let depth = 0;
  const moved = (change) => (event) => {
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    depth = change === 0 ? depth : Math.max(depth + change, 0);
    onDrag(depth > 0);
  };
  document.addEventListener("dragenter", moved(1));
  document.addEventListener("dragover", moved(0));
  document.addEventListener("dragleave", moved(-1));
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    depth = 0;
    onDrag(false);
    onFiles([...event.dataTransfer.files], false);
  });
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    onFiles([...event.clipboardData.files], true);
  });
}

const hasFiles = (transfer) => transfer?.types.includes("Files");
