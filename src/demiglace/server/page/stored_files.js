// Requests that name files by the ids of their uploads, so that a file is sent once for all turns.

import { isMissingFile } from "./api.js";
import { messagesOf } from "./conversation.js";

// What `send` makes of the messages of some turns. A file that the server has no longer goes along whole.
export async function withStoredFiles(turns, signal, send) {
  const files = turns.flatMap((turn) => turn.files ?? []);
  const ids = await unlessAborted(Promise.all(files.map((file) => file.store())), signal);
  const idOf = new Map(files.map((file, number) => [file, ids[number]]));
  const placeOf = (file) => (idOf.get(file) ? { file_id: idOf.get(file) } : { url: file.url });
  try {
    return await send(messagesOf(turns, placeOf));
  } catch (error) {
    if (!isMissingFile(error)) throw error;
    files.forEach((file) => file.forget());
    return send(messagesOf(turns));
  }
}

// An upload goes on when the request that waits for it is given up: the next one has it.
function unlessAborted(work, signal) {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
    work.then(resolve, reject);
  });
}
