// The turn that is being written: its text, its files, and what the model sees of them.

import { getPreview, isAbort } from "./api.js";
import { Attachment } from "./attachments.js";
import { receiveFiles } from "./clipboard.js";
import { announce, byId, counted, element, showError } from "./elements.js";
import { withStoredFiles } from "./stored_files.js";

const PREVIEW_DELAY_MS = 300; // ours: nobody types a number faster
const EMPTY = { text: "", files: [] };

export class Composer {
  files = [];
  edited = null; // a turn that this one replaces
  kept = EMPTY; // what was being written before the edit
  numReading = 0; // times that files were added which are not read yet
  isDue = false; // to be sent once they are

  // handlers: send(text, files, turn), edits(turn), cancelled(turn), failed(error), turnsBefore(turn); the turn is the one
  // that is edited, or null.
  constructor(options, handlers) {
    Object.assign(this, { options, handlers });
    this.question = byId("question");
    this.form = byId("composer");
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.question.addEventListener("keydown", (event) => this.onKey(event));
    this.listenForFiles();
    byId("cancel-edit").addEventListener("click", () => this.cancelEdit());
  }

  listenForFiles() {
    const input = byId("files");
    byId("add-files").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.addFiles([...input.files]);
      input.value = "";
    });
    receiveFiles(
      (isOver) => (byId("drop-here").hidden = !isOver),
      (files, isPasted) => this.addFiles(files, !isPasted),
    );
  }

  // Enter sends, but not where it ends the writing of a character.
  onKey(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.form.requestSubmit();
    }
    if (event.key === "Escape" && this.edited) this.cancelEdit();
  }

  submit(event) {
    event.preventDefault();
    const text = this.question.value.trim();
    if (byId("send").hidden) return;
    this.isDue = this.numReading > 0;
    if (this.isDue || (!text && !this.files.length)) return;
    const { files, edited } = this;
    this.previewAtOnce();
    this.clear();
    this.handlers.send(text, files, edited);
  }

  async addFiles(files, areNamed = true) {
    this.showError("");
    const reading = element("p", { class: "quiet" }, "reading…");
    byId("tray").append(reading);
    this.numReading += 1;
    for (const file of files) {
      try {
        this.add(await Attachment.read(file, areNamed));
      } catch (error) {
        this.isDue = false;
        this.showError(error.message);
      }
    }
    this.numReading -= 1;
    reading.remove();
    this.previewSoon();
    if (this.isDue) this.form.requestSubmit();
  }

  add(file) {
    this.files = [...this.files, file];
    file.onRemove = () => this.remove(file);
    byId("tray").append(file.card);
  }

  remove(file) {
    this.files = this.files.filter((one) => one !== file);
    file.card.remove();
    file.forget();
    this.question.focus();
    this.showError("");
    this.previewSoon();
  }

  // What was being written before an edit is there again after it.
  clear() {
    this.fill(this.kept);
    this.kept = EMPTY;
    this.setEdited(null);
  }

  reset() {
    this.kept = EMPTY;
    this.clear();
  }

  fill({ text, files }) {
    this.files = [];
    this.isDue = false;
    byId("tray").replaceChildren();
    this.question.value = text;
    files.forEach((file) => this.add(file));
    this.showError("");
  }

  edit(turn) {
    if (this.edited) this.cancelEdit();
    this.kept = { text: this.question.value, files: this.files };
    this.seenBefore = turn.files.map((file) => file.seenAs);
    this.fill(turn);
    this.setEdited(turn);
    this.question.focus();
  }

  // The files go back to where they stood, and are seen as they were.
  cancelEdit() {
    const turn = this.edited;
    this.clear();
    this.previewSoon();
    turn.files.forEach((file, place) => file.seeAs(this.seenBefore[place]));
    this.handlers.cancelled(turn);
    this.question.focus();
  }

  setEdited(turn) {
    this.edited = turn;
    byId("editing").hidden = !turn;
    this.handlers.edits(turn);
  }

  previewSoon() {
    clearTimeout(this.timer);
    this.previewing?.abort();
    this.timer = this.files.length ? setTimeout(() => this.preview(), PREVIEW_DELAY_MS) : null;
  }

  // One that is due, before its files are sent. Whatever comes next leaves it alone.
  previewAtOnce() {
    clearTimeout(this.timer);
    if (this.timer) this.preview();
    this.previewing = null;
  }

  // Of the whole conversation: a clip is fitted to the room that the other turns leave.
  async preview() {
    const { files, edited } = this;
    this.timer = null;
    files.forEach((file) => (file.looking = this.options.lookingAt(file.kind)));
    const turns = [...this.handlers.turnsBefore(edited), { role: "user", text: this.question.value.trim(), files }];
    this.previewing = new AbortController();
    try {
      const { signal } = this.previewing;
      const seen = (messages) => getPreview({ messages, pictures: true, ...this.options.slicing }, signal);
      this.show(await withStoredFiles(turns, signal, seen), files);
    } catch (error) {
      if (!isAbort(error)) this.fail(error, files);
    }
  }

  // Files that were sent meanwhile say what they have to say in their turn.
  show({ media, notes, prompt_tokens }, files) {
    media.slice(-files.length).forEach((one, place) => files[place].show(one));
    if (files !== this.files) return;
    this.showError(notes.join(" "));
    announce(`${counted(files.length, "file")} seen. The prompt has ${counted(prompt_tokens, "token")}.`);
  }

  fail(error, files) {
    files.forEach((file) => file.show(null));
    if (files === this.files) this.showError(error.message);
    this.handlers.failed(error);
  }

  showError(message) {
    showError(byId("tray-error"), message);
  }
}
