// The turn that is being written: its text, its files, and what the model sees of them.

import { getPreview, isAbort } from "./api.js";
import { Attachment } from "./attachments.js";
import { receiveFiles } from "./clipboard.js";
import { announce, byId, counted, showError } from "./elements.js";
import { withStoredFiles } from "./stored_files.js";

const PREVIEW_DELAY_MS = 300; // ours: nobody types a number faster

// text: of the moment when it is put aside. numReading: times that files were added which are not read yet.
const draftOf = ({ text, files }) => ({ text, files, numReading: 0 });
const emptyDraft = () => draftOf({ text: "", files: [] });

export class Composer {
  draft = emptyDraft(); // what is being written
  edited = null; // a turn that this one replaces
  kept = null; // the draft before the edit
  isDue = false; // to be sent once its files are read

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
    this.isDue = this.draft.numReading > 0;
    if (this.isDue || (!text && !this.files.length)) return;
    const { files, edited } = this;
    this.previewAtOnce();
    this.clear();
    this.handlers.send(text, files, edited);
  }

  // To the draft that they were added to, which an edit may have put aside meanwhile. A new chat has no use for them.
  async addFiles(files, areNamed = true) {
    const { draft } = this;
    this.showError("");
    this.setReading(draft, draft.numReading + 1);
    for (const file of files) {
      try {
        this.add(await Attachment.read(file, areNamed), draft);
      } catch (error) {
        this.failReading(error, draft);
      }
    }
    this.setReading(draft, draft.numReading - 1);
    if (draft !== this.draft) return;
    this.previewSoon();
    if (this.isDue) this.form.requestSubmit();
  }

  failReading(error, draft) {
    if (draft === this.draft) this.isDue = false;
    if (draft === this.draft || draft === this.kept) this.showError(error.message);
  }

  setReading(draft, number) {
    draft.numReading = number;
    byId("reading").hidden = !this.draft.numReading;
  }

  get files() {
    return this.draft.files;
  }

  // Those of a draft that an edit put aside are among them.
  get allFiles() {
    return [...this.files, ...(this.kept?.files ?? [])];
  }

  add(file, draft = this.draft) {
    draft.files = [...draft.files, file];
    if (draft === this.draft) this.place(file);
  }

  place(file) {
    file.onRemove = () => this.remove(file);
    byId("tray").append(file.card);
  }

  remove(file) {
    this.draft.files = this.files.filter((one) => one !== file);
    file.card.remove();
    file.forget();
    this.question.focus();
    this.showError("");
    this.previewSoon();
  }

  // What was being written before an edit is there again after it.
  clear() {
    this.fill(this.kept ?? emptyDraft());
    this.kept = null;
    this.setEdited(null);
  }

  reset() {
    this.kept = null;
    this.clear();
  }

  fill(draft) {
    this.draft = draft;
    this.isDue = false;
    byId("tray").replaceChildren();
    this.question.value = draft.text;
    draft.files.forEach((file) => this.place(file));
    this.setReading(draft, draft.numReading);
    this.showError("");
    this.previewSoon();
  }

  edit(turn) {
    if (this.edited) this.cancelEdit();
    this.draft.text = this.question.value;
    this.kept = this.draft;
    this.seenBefore = turn.files.map((file) => file.seenAs);
    this.fill(draftOf(turn));
    this.setEdited(turn);
    this.question.focus();
  }

  // The files go back to where they stood, and are seen as they were.
  cancelEdit() {
    const turn = this.edited;
    this.clear();
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
