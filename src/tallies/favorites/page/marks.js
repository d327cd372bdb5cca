// What the reader has marked. A heart shows the wish at once; the service confirms or undoes it.

import * as api from "./api.js";
import { me } from "./me.js";

const PAGE = 1000;

/** Events: "change", "confirmed" (detail: id), "refused" (detail: {id, error}). */
class Marks extends EventTarget {
  #rows = new Map();
  #visit = 0;
  // Other pages of this browser show the same reader's hearts.
  #others = new BroadcastChannel("favorites");

  constructor() {
    super();
    this.#others.onmessage = () => this.load().catch(() => {});
  }

  has(id) {
    return this.#rows.get(id)?.on ?? false;
  }

  /** Newest first: `{restaurant_id, created_at, on}`. What was unmarked just now is still in. */
  newest() {
    return [...this.#rows.values()].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
  }

  /** Read the reader's favorites again. */
  async load() {
    const visit = ++this.#visit;
    const user = me.id;
    const rows = new Map();
    for (let cursor; user !== null && cursor !== null; ) {
      const page = await api.favoritesOf(user, PAGE, cursor);
      for (const row of page.items) rows.set(row.restaurant_id, { ...row, on: true, kept: true });
      cursor = page.next;
    }
    if (visit !== this.#visit) return;
    // What was pressed while the list was read is newer than the list.
    for (const [id, row] of this.#rows) if (row.busy || row.visit === visit) rows.set(id, row);
    this.#rows = rows;
    this.#emit("change");
  }

  /** Forget all: the reader is somebody else now. */
  clear() {
    this.#visit++;
    this.#rows = new Map();
    this.#emit("change");
  }

  /** Turn a heart over. What is pressed while the service is asked is asked next. */
  async toggle(id) {
    const user = me.id;
    const row = this.#rows.get(id) ?? { restaurant_id: id, on: false, kept: false };
    this.#rows.set(id, row);
    row.created_at ??= new Date().toISOString();
    row.on = !row.on;
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
    row.visit = this.#visit;
    this.#emit("change");
  }

  #emit(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

export const marks = new Marks();
