// One restaurant in a list: its place, its name, its count and its heart.

import { encode } from "./api.js";
import { byId, calm } from "./dom.js";
import { count, noun } from "./format.js";
import { marks } from "./marks.js";
import { cuisineOf, nameOf } from "./names.js";

/** Show on a heart whether its restaurant is marked. */
export function paintHeart(heart, id) {
  heart.setAttribute("aria-pressed", marks.has(id));
  heart.setAttribute("aria-label", `Favorite ${nameOf(id)}`);
}

/** A tile's letters, and a hue that stays the same for an id. */
function tile(id, name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [name];
  const hue = [...id].reduce((hash, letter) => (hash * 31 + letter.codePointAt(0) * 137) % 360, 7);
  return [words.slice(0, 2).map((word) => [...word][0]).join("").toUpperCase(), hue];
}

export class Row {
  #id;
  #favorites;
  element = byId("row").content.firstElementChild.cloneNode(true);

  /** `toggle(id)` is called when the heart is pressed. */
  constructor(id, toggle) {
    this.#id = id;
    this.element.dataset.id = id;
    this.#find(".place").href = `#/restaurant/${encode(id)}`;
    this.#find(".heart").addEventListener("click", () => toggle(id));
  }

  /** `item` may have: rank, favorites, share (of the leader's count, 0 to 1), words. */
  update({ rank = "", favorites = null, share = 0, words = cuisineOf(this.#id) }) {
    const name = nameOf(this.#id);
    const [letters, hue] = tile(this.#id, name);
    this.#write(".tile", letters);
    this.#write(".name", name);
    this.#write(".words .quiet", words);
    this.#write(".rank", rank);
    this.element.style.setProperty("--hue", hue);
    this.element.style.setProperty("--share", share);
    if (favorites !== null) this.#count(favorites);
    this.paint();
  }

  paint() {
    paintHeart(this.#find(".heart"), this.#id);
  }

  #count(now) {
    const before = this.#favorites ?? now;
    this.#favorites = now;
    this.#write(".count b", count(now));
    this.#write(".count .unseen", ` ${noun(now, "favorite")}`);
    if (before === now || calm()) return;
    const color = now > before ? "var(--up)" : "var(--quiet)";
    const transform = `translateY(${now > before ? -3 : 3}px)`;
    this.#find(".count b").animate([{ color, transform }, { color }, {}], 800);
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }

  /** Write only what differs: an untouched text keeps the reader's selection. */
  #write(selector, text) {
    const element = this.#find(selector);
    if (element.textContent !== String(text)) element.textContent = text;
  }
}
