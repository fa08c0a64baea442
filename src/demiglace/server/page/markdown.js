// A little Markdown: headings, paragraphs, lists, quotes, tables, code, bold, italic. Everything else stays the text that
// it is, HTML, links and pictures too: answers may say anything, and the page shows it.

import { element } from "./elements.js";

const FENCE = /^\s*(```|~~~)/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^\s*>\s?(.*)$/;
const RULE = /^\s*(-{3,}|\*{3,}|_{3,})\s*$/;
const DELIMITERS = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const INLINE = /(`+)(.{1,2000}?)\1(?!`)|\*\*(?=\S)(.{0,2000}?\S)\*\*|\*(?=\S)([^*]{0,2000}[^*\s])\*/gs;

// Shows `text` in `target`. Blocks that stay what they were keep their elements: an answer grows at its end.
export function render(target, text) {
  const blocks = blocksOf(text);
  const before = target.blocks ?? [];
  let same = 0;
  while (same < blocks.length && isSame(before[same], blocks[same])) same += 1;
  while (target.childNodes.length > same) target.lastChild.remove();
  target.append(...blocks.slice(same).map((block) => RENDERED[block.kind](block.lines)));
  target.blocks = blocks;
}

const isSame = (before, now) => before?.kind === now.kind && before.lines.join("\n") === now.lines.join("\n");

// Kinds of block and their lines, in order.
export function blocksOf(text) {
  const lines = text.split(/\r?\n/);
  const blocks = [];
  while (lines.length) {
    const kind = kindOf(lines);
    if (kind === "blank") lines.shift();
    else blocks.push({ kind, lines: TAKEN[kind](lines) });
  }
  return blocks;
}

function kindOf([line, next]) {
  if (!line.trim()) return "blank";
  if (FENCE.test(line)) return "code";
  if (HEADING.test(line)) return "heading";
  if (RULE.test(line)) return "rule";
  if (QUOTE.test(line)) return "quote";
  if (ITEM.test(line)) return "list";
  return line.includes("|") && next !== undefined && next.includes("-") && DELIMITERS.test(next) ? "table" : "paragraph";
}

const one = (lines) => [lines.shift()];

function takeWhile(lines, belongs) {
  const taken = one(lines);
  while (lines.length && belongs(lines)) taken.push(lines.shift());
  return taken;
}

// From fence to fence, or to the end: the answer may be under way.
function takeCode(lines) {
  const fence = FENCE.exec(lines[0])[1];
  const taken = one(lines);
  while (lines.length) {
    const line = lines.shift();
    if (line.trim() === fence) break;
    taken.push(line);
  }
  return taken;
}

const TAKEN = {
  code: takeCode,
  heading: one,
  rule: one,
  quote: (lines) => takeWhile(lines, ([line]) => QUOTE.test(line)),
  list: (lines) => takeWhile(lines, ([line]) => ITEM.test(line) || (/^\s+\S/.test(line) && !FENCE.test(line))),
  table: (lines) => takeWhile(lines, ([line]) => line.includes("|")),
  paragraph: (lines) => takeWhile(lines, (rest) => kindOf(rest) === "paragraph"),
};

const RENDERED = {
  code: ([, ...lines]) => element("pre", { tabindex: "0" }, element("code", {}, lines.join("\n"))),
  heading: ([line]) => headingOf(HEADING.exec(line)),
  rule: () => element("hr"),
  quote: (lines) => element("blockquote", {}, ...inline(lines.map((line) => QUOTE.exec(line)[1]).join("\n"))),
  list: (lines) => listOf(itemsOf(lines)),
  table: tableOf,
  paragraph: (lines) => element("p", {}, ...inline(lines.join("\n"))),
};

// Below the headings of the page itself.
function headingOf([, marks, text]) {
  return element(`h${Math.min(marks.length + 2, 6)}`, {}, ...inline(text));
}

function itemsOf(lines) {
  const items = [];
  for (const line of lines) {
    const found = ITEM.exec(line);
    if (found) items.push({ indent: found[1].length, mark: found[2], text: found[3] });
    else items.at(-1).text += `\n${line.trim()}`;
  }
  return items;
}

// Items that stand further in than the first are lists inside the item before them.
function listOf(items) {
  const [{ indent, mark }] = items;
  const isOrdered = /\d/.test(mark);
  const made = isOrdered ? element("ol", { start: parseInt(mark, 10) }) : element("ul");
  while (items.length && items[0].indent >= indent) {
    const item = items.shift();
    const inner = [];
    while (items.length && items[0].indent > indent) inner.push(items.shift());
    made.append(element("li", {}, ...inline(item.text), ...(inner.length ? [listOf(inner)] : [])));
  }
  if (items.length) made.append(...listOf(items).childNodes);
  return made;
}

function tableOf([head, , ...rows]) {
  const row = (tag, line) => element("tr", {}, ...cellsOf(line).map((cell) => element(tag, {}, ...inline(cell))));
  const body = element("tbody", {}, ...rows.map((line) => row("td", line)));
  const table = element("table", {}, element("thead", {}, row("th", head)), body);
  return element("div", { class: "table", role: "group", "aria-label": "Table", tabindex: "0" }, table);
}

function cellsOf(line) {
  const inside = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return inside.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

// Text and elements, in order.
function inline(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    found.push(text.slice(end, match.index), markedOf(match));
    end = match.index + match[0].length;
  }
  return [...found, text.slice(end)].filter((piece) => piece !== "");
}

function markedOf([, , code, bold, italic]) {
  if (code !== undefined) return element("code", {}, code);
  return bold === undefined ? element("em", {}, ...inline(italic)) : element("strong", {}, ...inline(bold));
}
