// What the reader has marked, as far as it was shown. A heart shows the wish at once; the service
// confirms or undoes it.

import * as api from "./api.js";
import { me } from "./me.js";

const PAGE = 15;
const MOST = 1000; // rows in one request

/** Events: "change", "elsewhere", "confirmed" (detail: id), "refused" (detail: {id, error}). */
class Marks extends EventTarget {
  #rows = new Map();
  #next = null;
  #turn = 0;
  // Other pages of this browser show the same reader's hearts.
  #others = new BroadcastChannel("favorites");

  constructor() {
    super();
    this.#others.onmessage = () => this.#emit("elsewhere");
  }

  has(id) {
    return this.#rows.get(id)?.on ?? false;
  }

  /** Newest first: `{restaurant_id, created_at, on}`. What was unmarked just now is still in. */
  newest() {
    const listed = [...this.#rows.values()].filter((row) => row.listed);
    return listed.sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
  }

  /** Whether there are favorites older than those of `newest`. */
  get goesOn() {
    return this.#next !== null;
  }

  /** Find out which of these restaurants are marked. */
  async look(ids) {
    if (me.id === null || !ids.length) return;
    const rows = this.#rows;
    const since = performance.now();
    const found = await api.favoritesAmong(me.id, ids);
    if (rows !== this.#rows) return; // of another reader
    const marked = new Set(found.map((item) => item.restaurant_id));
    for (const id of ids) if (!marked.has(id) && this.has(id) && !this.#isNewer(id, since)) rows.delete(id);
    this.#keep(found, since);
  }

  /** Read the list of favorites again, as far as it was read. */
  load() {
    return this.#read(Math.min(Math.max(this.newest().length, PAGE), MOST));
  }

  /** Read on in the list. */
  more() {
    return this.#read(PAGE, this.#next);
  }

  /** Forget all: the reader is somebody else now. */
  clear() {
    this.#turn++;
    this.#rows = new Map();
    this.#next = null;
    this.#emit("change");
  }

  /** Turn a heart over. What is pressed while the service is asked is asked next. */
  async toggle(id) {
    const user = me.id;
    const row = this.#rows.get(id) ?? { restaurant_id: id, on: false, kept: false };
    this.#rows.set(id, row);
    row.created_at ??= new Date().toISOString();
    row.on = !row.on;
    row.listed ||= row.on;
    this.#emit("change");
    if (row.busy) return;
    row.busy = true;
    try {
      while (row.on !== row.kept) {
        const on = row.on;
        const answer = await (on ? api.mark : api.unmark)(user, id);
        Object.assign(row, { kept: on, ...answer });
      }
      this.#others.postMessage(user);
      this.#emit("confirmed", id);
    } catch (error) {
      row.on = row.kept;
      if (!row.user_id) this.#rows.delete(id); // the service never knew it
      this.#emit("refused", { id, error });
    }
    row.busy = false;
    row.pressed = performance.now();
    this.#emit("change");
  }

  async #read(limit, cursor) {
    if (me.id === null) return;
    const turn = ++this.#turn;
    const since = performance.now();
    const { items, next } = await api.favoritesOf(me.id, limit, cursor);
    if (turn !== this.#turn) return;
    if (!cursor) for (const [id, row] of this.#rows) row.listed &&= this.#isNewer(id, since);
    this.#next = next;
    this.#keep(items, since, true);
  }

  /** Whether a heart was pressed after the service was asked: then its answer is old. */
  #isNewer(id, since) {
    const row = this.#rows.get(id);
    return Boolean(row?.busy || row?.pressed > since);
  }

  #keep(items, since, listed = false) {
    for (const item of items) {
      const id = item.restaurant_id;
      if (this.#isNewer(id, since)) continue;
      this.#rows.set(id, { ...item, on: true, kept: true, listed: listed || this.#rows.get(id)?.listed });
    }
    this.#emit("change");
  }

  #emit(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

export const marks = new Marks();
