// The turns as they stand on the page.

import { button, byId, element, seconds, showError } from "./elements.js";
import { render } from "./markdown.js";

const NEAR_END = 80; // pixels: whoever reads further up is left there
const TOLD_MS = 1500; // ours

export class Transcript {
  // actions: edit(turn), regenerate(turn), copyText(turn), copyCurl(turn), copyPython(turn)
  constructor(actions) {
    this.actions = actions;
    this.views = new Map();
  }

  showQuestion(turn) {
    this.add(turn, new QuestionView(turn, this.actions));
    scrollToEnd();
  }

  showAnswer(turn) {
    return this.add(turn, new AnswerView(turn, this.actions));
  }

  add(turn, view) {
    this.views.set(turn, view);
    byId("transcript").append(view.element);
    return view;
  }

  // After a turn was edited in vain.
  showFiles(turn) {
    this.views.get(turn).showFiles();
  }

  // Views of turns that are no more are taken away.
  keep(turns) {
    for (const [turn, view] of this.views) {
      if (turns.includes(turn)) continue;
      view.element.remove();
      this.views.delete(turn);
    }
  }

  // A turn and what follows it are about to be replaced; null: none is.
  mark(turn) {
    let isMarked = false;
    for (const [one, view] of this.views) {
      isMarked ||= one === turn;
      view.element.classList.toggle("replaced", isMarked);
    }
  }
}

class QuestionView {
  constructor(turn, actions) {
    this.turn = turn;
    this.files = element("div", { class: "files" });
    this.showFiles();
    const text = element("p", { class: "said", hidden: !turn.text }, turn.text);
    const bar = element("div", { class: "actions" }, button("Edit", () => actions.edit(turn)));
    this.element = element("article", { class: "question", "aria-label": "You" }, this.files, text, bar);
  }

  showFiles() {
    this.files.append(...this.turn.files.map((file) => file.card));
  }
}

export class AnswerView {
  constructor(turn, actions) {
    this.turn = turn;
    this.isThinking = true;
    this.summary = element("summary", {}, "Thinking…");
    this.thoughts = element("div", { class: "thoughts" });
    this.thinking = element("details", { class: "thinking", open: true, hidden: true }, this.summary, this.thoughts);
    this.text = element("div", { class: "text" });
    this.waiting = element("p", { class: "waiting" }, "Looking…");
    this.error = element("p", { class: "error", role: "alert", hidden: true });
    this.facts = element("p", { class: "facts quiet" });
    this.bar = element("div", { class: "actions", hidden: true }, ...this.buttons(actions));
    const parts = [this.thinking, this.text, this.waiting, this.error, this.facts, this.bar];
    this.element = element("article", { class: "answer", "aria-label": "Answer", "aria-busy": "true" }, ...parts);
  }

  buttons(actions) {
    const copying = (label, name) => button(label, ({ target }) => tellCopied(target, actions[name](this.turn)));
    return [
      copying("Copy", "copyText"),
      button("Regenerate", () => actions.regenerate(this.turn)),
      copying("Copy as curl", "copyCurl"),
      copying("Copy as Python", "copyPython"),
    ];
  }

  // Soon, once for all that comes until then.
  update() {
    this.pending ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.pending = undefined;
    const isFollowed = isNearEnd();
    const { thinking, text } = this.turn;
    this.waiting.hidden = Boolean(thinking || text);
    this.thinking.hidden = !thinking;
    if (text && this.isThinking) this.closeThoughts();
    render(this.thoughts, thinking);
    render(this.text, text);
    if (isFollowed) scrollToEnd();
  }

  // Once: whoever opens them again reads on.
  closeThoughts() {
    this.endThoughts();
    this.thinking.open = false;
  }

  endThoughts() {
    this.isThinking = false;
    this.summary.textContent = "Thoughts";
  }

  // message: of an error, empty where there was none.
  finish(message = "") {
    const isFollowed = isNearEnd();
    cancelAnimationFrame(this.pending);
    this.draw();
    this.waiting.hidden = true;
    this.endThoughts();
    this.facts.textContent = factsOf(this.turn).join(" · ");
    showError(this.error, message);
    this.bar.hidden = false;
    this.element.setAttribute("aria-busy", "false");
    if (isFollowed) scrollToEnd();
  }
}

// For a while, in the place of the button's label.
async function tellCopied(pressed, copying) {
  pressed.label ??= pressed.textContent;
  pressed.textContent = await copying.then(
    () => "Copied",
    () => "Not copied",
  );
  setTimeout(() => (pressed.textContent = pressed.label), TOLD_MS);
}

function factsOf({ text, usage, finish, isStopped }) {
  const facts = usage ? usageFacts(usage) : [];
  if (usage && !text) facts.push("the model wrote no answer");
  if (isStopped) facts.push("stopped");
  if (finish === "length") facts.push("cut off: no more new tokens were allowed");
  return facts;
}

function usageFacts(usage) {
  const visual = usage.prompt_tokens_details.visual_tokens;
  return [
    `${visual} visual + ${usage.prompt_tokens - visual} other tokens in`,
    `${usage.completion_tokens} out`,
    `first after ${seconds(usage.seconds_to_first_token)}`,
    `${seconds(usage.seconds)} in all`,
    ...(usage.notes ?? []),
  ];
}

const page = () => document.scrollingElement;
const isNearEnd = () => page().scrollHeight - page().scrollTop - page().clientHeight < NEAR_END;
const scrollToEnd = () => page().scrollTo({ top: page().scrollHeight });
