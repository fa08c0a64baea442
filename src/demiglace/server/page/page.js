// The page: a conversation, the turn that is being written, and the answer that comes.

import { apiKey, getModel, isAbort, streamAnswer, wantsKey } from "./api.js";
import { copy } from "./clipboard.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { announce, byId } from "./elements.js";
import { Options } from "./options.js";
import { curlOf, pythonOf } from "./snippets.js";
import { withStoredFiles } from "./stored_files.js";
import { Transcript } from "./transcript.js";

class Page {
  conversation = new Conversation();
  model = null; // of the server
  answering = null; // what stops the answer under way

  constructor() {
    this.options = new Options(() => this.composer.previewSoon());
    this.transcript = new Transcript(this.actions());
    this.composer = new Composer(this.options, this.handlers());
    byId("new-chat").addEventListener("click", () => this.startAnew());
    byId("stop").addEventListener("click", () => this.stop());
    byId("key-form").addEventListener("submit", (event) => this.useKey(event));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.stop());
    addEventListener("pagehide", () => this.forgetFiles());
    byId("key").value = apiKey.get();
    this.greet();
  }

  actions() {
    const copied = (what, text) => copy(text).then(() => announce(`${what} copied`));
    return {
      edit: (turn) => this.answering || this.composer.edit(turn),
      regenerate: (turn) => this.answering || this.regenerate(turn),
      copyText: (turn) => copied("Answer", turn.text),
      copyCurl: (turn) => copied("Command", this.snippet(curlOf, turn)),
      copyPython: (turn) => copied("Program", this.snippet(pythonOf, turn)),
    };
  }

  handlers() {
    return {
      send: (text, files, edited) => this.ask(text, files, edited),
      edits: (turn) => this.transcript?.mark(turn),
      cancelled: (turn) => this.transcript.showFiles(turn),
      failed: (error) => wantsKey(error) && this.askForKey(),
      turnsBefore: (turn) => this.conversation.before(turn),
    };
  }

  async greet() {
    try {
      this.model = await getModel();
      byId("model").textContent = this.model.id;
    } catch (error) {
      if (wantsKey(error)) this.askForKey();
      this.composer.showError(error.message);
    }
  }

  ask(text, files, edited) {
    if (edited) this.cutAt(edited, files);
    files.forEach((file) => (file.looking = this.options.lookingAt(file.kind)));
    this.transcript.showQuestion(this.conversation.ask(text, files, this.options.slicing));
    byId("greeting").hidden = true;
    this.answer();
  }

  // An edited turn may be among those that go.
  regenerate(turn) {
    if (this.composer.edited) this.composer.cancelEdit();
    this.cutAt(turn);
    this.answer();
  }

  // kept: files that are sent again.
  cutAt(turn, kept = []) {
    const files = this.conversation.cutAt(turn).flatMap((one) => one.files ?? []);
    files.filter((file) => !kept.includes(file)).forEach((file) => file.forget());
    this.transcript.keep(this.conversation.turns);
  }

  // The files are seen as they were when the question was asked; the rest is as chosen now.
  async answer() {
    const turns = [...this.conversation.turns];
    const fields = { ...this.options.answering, ...turns.at(-1).slicing };
    const turn = this.conversation.answer(fields);
    const view = this.transcript.showAnswer(turn);
    this.setAnswering(new AbortController());
    try {
      const follow = (messages) => this.follow(turn, view, { model: this.model?.id, messages, ...fields });
      await withStoredFiles(turns, this.answering.signal, follow);
      view.finish();
      announce(turn.text);
    } catch (error) {
      turn.isStopped = isAbort(error);
      view.finish(turn.isStopped ? "" : error.message);
      if (wantsKey(error)) this.askForKey();
      if (turn.isStopped) announce("Stopped");
    }
    this.setAnswering(null);
  }

  async follow(turn, view, body) {
    announce("The answer is being written");
    for await (const { choices, usage } of streamAnswer(body, this.answering.signal)) {
      const { delta = {}, finish_reason } = choices[0] ?? {};
      turn.thinking += delta.reasoning_content ?? "";
      turn.text += delta.content ?? "";
      turn.finish = finish_reason ?? turn.finish;
      turn.usage = usage ?? turn.usage;
      view.update();
    }
  }

  setAnswering(controller) {
    this.answering = controller;
    const hadFocus = [byId("stop"), byId("send"), document.body].includes(document.activeElement);
    byId("stop").hidden = !controller;
    byId("send").hidden = Boolean(controller);
    document.body.classList.toggle("answering", Boolean(controller));
    if (hadFocus) byId(controller ? "stop" : "send").focus();
  }

  stop() {
    this.answering?.abort();
  }

  // The server need not keep them for this page any longer.
  forgetFiles() {
    const files = this.conversation.turns.flatMap((turn) => turn.files ?? []);
    [...files, ...this.composer.allFiles].forEach((file) => file.forget());
  }

  startAnew() {
    this.stop();
    this.forgetFiles();
    this.conversation = new Conversation();
    this.transcript.keep([]);
    this.composer.reset();
    byId("greeting").hidden = false;
    byId("question").focus();
  }

  snippet(write, turn) {
    return write(this.model?.id, this.conversation.before(turn), turn.fields);
  }

  askForKey() {
    this.options.showPanel(true);
    byId("key").focus();
  }

  useKey(event) {
    event.preventDefault();
    apiKey.set(byId("key").value.trim());
    this.composer.showError("");
    this.composer.previewSoon();
    this.greet();
    byId("question").focus();
  }
}

new Page();
