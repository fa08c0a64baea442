// Files of a turn: what they are, how they stand in a request, and the card that shows what the model sees of them.

import { deleteFile, uploadFile, wantsKey } from "./api.js";
import { button, element } from "./elements.js";
import { isMovingPicture } from "./moving_pictures.js";
import { countsOf, seenView } from "./seen_view.js";

const TYPE = /^[\w.+-]+\/[\w.+-]+$/;
const DOCUMENTS = /^(application\/pdf|image\/tiff)$/;
const TYPES_BY_ENDING = {
  pdf: "application/pdf",
  tif: "image/tiff",
  tiff: "image/tiff",
  mkv: "video/x-matroska",
  heic: "image/heic",
  heif: "image/heif",
  jxl: "image/jxl",
};

export class Attachment {
  id = null; // of its upload; a promise, of null where the server did not take it

  // url: the whole file as a data URL. isNamed: whether the reader has a file of that name. isMoving: a picture does.
  constructor(name, blob, url, isNamed, isMoving) {
    Object.assign(this, { name, blob, url, isNamed, type: blob.type, size: blob.size, looking: {}, media: null });
    this.kind = isMoving ? "clip" : kindOf(this.type);
    this.counts = element("span", { class: "quiet" }, "looking…");
    this.seen = element("div", { class: "seen" });
    this.card = this.makeCard();
    if (this.kind === "picture") this.seen.append(element("img", { src: url, alt: name }));
  }

  static async read(file, isNamed = true) {
    const type = TYPE.test(file.type) ? file.type : typeByEnding(file.name);
    const blob = new Blob([file], { type });
    return new Attachment(file.name, blob, await dataUrl(blob), isNamed, await isMovingPicture(blob));
  }

  // The id under which the server has the file, sent once; null where it has to go along with the request.
  store() {
    this.id ??= uploadFile(this.blob, this.name).catch((error) => {
      if (wantsKey(error)) this.id = null;
      return null;
    });
    return this.id;
  }

  // It is sent anew when it is needed again.
  forget() {
    this.id?.then((id) => id && deleteFile(id));
    this.id = null;
  }

  makeCard() {
    const name = element("span", { class: "name" }, this.name);
    const details = element("details", { open: true }, element("summary", {}, name, " ", this.counts), this.seen);
    const remove = button("Remove", () => this.onRemove?.(), { class: "remove", "aria-label": `Remove ${this.name}` });
    return element("div", { class: "file" }, details, remove);
  }

  get seenAs() {
    return { looking: this.looking, media: this.media };
  }

  // As it was seen before options changed.
  seeAs({ looking, media }) {
    if (looking === this.looking) return;
    this.looking = looking;
    this.show(media);
  }

  // media: of a preview; null while there is none.
  show(media) {
    this.media = media;
    this.counts.textContent = media ? countsOf(media) : "not seen yet";
    if (media) this.seen.replaceChildren(seenView(media, this.name));
  }

  // place: what stands for the file, its `url` or the `file_id` of its upload.
  part(place) {
    if (this.kind === "clip") return { type: "video_url", video_url: place, ...this.looking };
    if (this.kind === "picture") return { type: "image_url", image_url: place };
    const { url, ...stored } = place;
    return { type: "file", file: { filename: this.name, ...(url ? { file_data: url } : stored), ...this.looking } };
  }
}

function typeByEnding(name) {
  return TYPES_BY_ENDING[name.split(".").pop().toLowerCase()] ?? "application/octet-stream";
}

// "file": the server finds out.
function kindOf(type) {
  if (DOCUMENTS.test(type)) return "document";
  if (type.startsWith("video/")) return "clip";
  return type.startsWith("image/") ? "picture" : "file";
}

function dataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new Error("The file cannot be read.")));
    reader.readAsDataURL(blob);
  });
}
