// What the model sees of a file: slices drawn on the picture, frames in their packages, and what it costs.

import { counted, element, seconds, svgElement } from "./elements.js";

const COSTS = [
  ["Demiglace", "tokens"],
  ["Qwen2.5-VL", "qwen2_5_vl_tokens"],
  ["Qwen3-VL", "qwen3_vl_tokens"],
];

// One line about an entry of a preview's `media`.
export function countsOf(media) {
  return `${shownOf(media)} · ${counted(media.tokens, "visual token")}`;
}

function shownOf(media) {
  if (media.type === "video") {
    const packages = counted(media.packages.length, "package");
    return `${counted(media.frames, "frame")} of ${seconds(media.seconds)} in ${packages}`;
  }
  const slices = counted(media.slices, "slice");
  return media.type === "document" ? `${counted(media.pictures, "page")}, ${slices}` : slices;
}

export function seenView(media, name) {
  const shown = media.type === "video" ? packagesOf(media) : pagesOf(media, name);
  const strip = element("div", { class: "strip", role: "group", "aria-label": `Seen of ${name}`, tabindex: "0" }, ...shown);
  return element("div", {}, strip, costsOf(media));
}

function pagesOf(media, name) {
  return media.pages.map((page, number) => {
    const title = media.type === "document" ? `Page ${number + 1}` : name;
    const caption = page.boxes.length ? `whole, and in ${counted(page.boxes.length, "slice")}` : "whole, in one slice";
    const told = media.type === "document" ? `${title}: ${caption}` : `Seen ${caption}`;
    const picture = element("div", { class: "sliced" }, element("img", { src: page.picture, alt: title }), boxesOf(page));
    return element("figure", {}, picture, element("figcaption", {}, told));
  });
}

// In pixels of the picture, whatever the size at which it is shown.
function boxesOf(page) {
  const boxes = page.boxes.map(([left, top, right, bottom]) =>
    svgElement("rect", { x: left, y: top, width: right - left, height: bottom - top }),
  );
  const view = { viewBox: `0 0 ${page.width} ${page.height}`, preserveAspectRatio: "none", "aria-hidden": "true" };
  return svgElement("svg", view, ...boxes);
}

function packagesOf(media) {
  const tokens = media.tokens / media.packages.length;
  return media.packages.map(({ times, pictures, patches, static_patches }, number) => {
    const frames = pictures.map((picture, frame) => frameOf(picture, times[frame]));
    const caption = `Package ${number + 1}: ${counted(tokens, "token")}${leftOut(patches, static_patches)}`;
    const group = element("div", { class: "frames" }, ...frames);
    return element("figure", { class: "package" }, group, element("figcaption", {}, caption));
  });
}

// What stands grey in the frames, where the server leaves anything out.
function leftOut(patches, staticPatches) {
  if (!staticPatches) return "";
  const share = staticPatches.reduce((sum, one) => sum + one, 0) / patches;
  return `, ${Math.round(100 * share)} % of patches left out`;
}

function frameOf(picture, time) {
  const image = element("img", { src: picture, alt: `Frame at ${seconds(time)}` });
  return element("span", { class: "frame" }, image, element("span", { class: "time", "aria-hidden": "true" }, seconds(time)));
}

function costsOf(media) {
  const most = Math.max(...COSTS.map(([, field]) => media[field] ?? 0));
  const rows = COSTS.flatMap(([model, field]) => [
    element("dt", {}, model),
    element("dd", {}, bar(media[field], most), media[field] === null ? "refuses it" : String(media[field])),
  ]);
  return element("dl", { class: "costs", "aria-label": "Visual tokens by model" }, ...rows);
}

function bar(tokens, most) {
  const made = element("span", { class: "cost", "aria-hidden": "true" });
  made.style.setProperty("--share", (tokens ?? 0) / (most || 1));
  return made;
}
