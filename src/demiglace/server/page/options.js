// What the reader chose about answers and about looking at files. What is left empty is the model's own.

import { byId } from "./elements.js";

const LOOKING = { clip: ["fps", "package_frames"], document: ["pages"] };
const ANSWER = ["temperature", "max_tokens"];

export class Options {
  constructor(onChange) {
    this.form = byId("options-form");
    this.think = byId("think");
    this.form.addEventListener("input", onChange);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.think.addEventListener("click", () => this.switchThinking());
    byId("options-switch").addEventListener("click", () => this.showPanel(byId("options").hidden));
  }

  showPanel(isShown) {
    byId("options").hidden = !isShown;
    byId("options-switch").setAttribute("aria-expanded", String(isShown));
  }

  switchThinking() {
    this.think.setAttribute("aria-pressed", String(!this.isThinking));
  }

  get isThinking() {
    return this.think.getAttribute("aria-pressed") === "true";
  }

  // Fields of a request about its answer.
  get answering() {
    const thinking = this.isThinking ? { chat_template_kwargs: { enable_thinking: true } } : {};
    return { ...this.chosen(ANSWER), ...thinking };
  }

  // Of a request for all its pictures.
  get slicing() {
    return this.chosen(["max_slices"]);
  }

  // Fields that stand in the part of a file.
  lookingAt(kind) {
    return this.chosen(LOOKING[kind] ?? []);
  }

  chosen(names) {
    const filled = names.map((name) => this.form.elements[name]).filter((input) => input.value.trim());
    return Object.fromEntries(filled.map((input) => [input.name, valueOf(input)]));
  }
}

function valueOf(input) {
  return input.type === "number" ? input.valueAsNumber : input.value.trim();
}
