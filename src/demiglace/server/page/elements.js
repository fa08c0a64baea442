// Elements of the page. Text goes in as text nodes alone, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

// An element with attributes, listeners under `on`, and children: elements or text.
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svgElement(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  for (const [name, listener] of Object.entries(on)) made.addEventListener(name, listener);
  made.append(...children);
  return made;
}

export function button(label, onClick, attributes = {}) {
  return element("button", { type: "button", on: { click: onClick }, ...attributes }, label);
}

export const byId = (id) => document.getElementById(id);

// "1 slice", "5 slices"
export const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

// On one line with their number.
export const seconds = (number) => `${Math.round(number * 100) / 100}\u00a0s`;

// Read out by screen readers, once.
export function announce(text) {
  byId("status").textContent = text;
}

// An empty message hides the line.
export function showError(line, message) {
  line.textContent = message;
  line.hidden = !message;
}
