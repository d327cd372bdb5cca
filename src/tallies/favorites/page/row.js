// One restaurant in a list: its place, its name, its count and its heart.

import { encode } from "./api.js";
import { byId, calm } from "./dom.js";
import { count } from "./format.js";
import { marks } from "./marks.js";
import { cuisineOf, nameOf } from "./names.js";
import { onScreen } from "./screen.js";
import * as inWords from "./words.js";

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
  #item;
  #before;
  element = byId("row").content.firstElementChild.cloneNode(true);

  /** `toggle(id)` is called when the heart is pressed. */
  constructor(id, toggle) {
    this.#id = id;
    this.element.dataset.id = id;
    this.#find(".place").href = `#/restaurant/${encode(id)}`;
    this.#find(".heart").addEventListener("click", () => toggle(id));
  }

  /** `item` may have: rank, favorites (all time's unless given), told (puts them into words), share
   *  (of the leader's count, 0 to 1), words, total (all time's are told too). */
  update(item) {
    this.#item = item;
    const { rank = "", share = 0 } = item;
    const name = nameOf(this.#id);
    const [letters, hue] = tile(this.#id, name);
    this.#write(".tile", letters);
    this.#write(".name", name);
    this.#write(".rank", rank);
    this.element.style.setProperty("--hue", hue);
    this.element.style.setProperty("--share", share);
    this.paint();
  }

  /** Show the heart and the counts as they are now. */
  paint() {
    const { all } = onScreen.countsOf(this.#id);
    const { favorites = all, total, words = cuisineOf(this.#id) } = this.#item;
    paintHeart(this.#find(".heart"), this.#id);
    const inAll = total && all !== undefined ? `${count(all)} in all` : "";
    this.#write(".words .quiet", [words, inAll].filter(Boolean).join(" · "));
    if (favorites !== undefined) this.#count(favorites);
  }

  #count(now) {
    const before = this.#before ?? now;
    const [amount, noun] = (this.#item.told ?? inWords.favorites)(now).split(" ");
    this.#before = now;
    this.#write(".count b", amount);
    this.#write(".count .unseen", ` ${noun}`);
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
