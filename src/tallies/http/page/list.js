// A keyed list whose rows glide to their new place: measure, arrange, measure, play the difference.

import { calm } from "./dom.js";

const GLIDE = { duration: 480, easing: "cubic-bezier(.2,.8,.2,1)" };

export class GlidingList {
  #list;
  #make;
  #keyOf;
  rows = new Map();

  /** `make(key)` gives a row: an object with an `element` and `update(item)`. `keyOf(item)` tells
   *  items apart. */
  constructor(list, make, keyOf) {
    this.#list = list;
    this.#make = make;
    this.#keyOf = keyOf;
  }

  /** Show these items in this order. */
  show(items) {
    const still = calm() || document.hidden;
    const before = still ? null : this.#tops();
    this.#arrange(items);
    if (still) return;
    for (const row of this.rows.values()) row.glide?.cancel();
    for (const [row, top] of this.#tops()) this.#play(row, before.get(row), top);
  }

  #tops() {
    return new Map([...this.rows.values()].map((row) => [row, row.element.getBoundingClientRect().top]));
  }

  #arrange(items) {
    const kept = new Set(items.map(this.#keyOf));
    for (const [id, row] of this.rows) {
      if (kept.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    let place = this.#list.firstElementChild;
    for (const item of items) {
      const id = this.#keyOf(item);
      if (!this.rows.has(id)) this.rows.set(id, this.#make(id));
      const row = this.rows.get(id);
      row.update(item);
      if (row.element === place) place = place.nextElementSibling;
      else this.#move(row.element, place);
    }
  }

  /** Moving a row must not take the focus from what is in it. */
  #move(element, place) {
    if (element.isConnected && this.#list.moveBefore) return this.#list.moveBefore(element, place);
    const focused = element.contains(document.activeElement) && document.activeElement;
    this.#list.insertBefore(element, place);
    if (focused) focused.focus({ preventScroll: true });
  }

  #play(row, from, to) {
    const seen = (top) => top > -100 && top < innerHeight;
    if (from === undefined || from === to || !(seen(from) || seen(to))) return;
    const zIndex = from > to ? 1 : 0; // who rises passes above who falls
    const way = [{ transform: `translateY(${from - to}px)`, zIndex }, { transform: "none", zIndex }];
    row.glide = row.element.animate(way, GLIDE);
  }
}
