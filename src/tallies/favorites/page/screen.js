// What is on the screen: the hearts of a list come in one request, its counts in another.

import { complain } from "./announce.js";
import * as api from "./api.js";
import { marks } from "./marks.js";

/** Event: "change", when counts came. */
class OnScreen extends EventTarget {
  #lists = new Map();
  #counts = new Map(); // `{}` while the service is asked, and of what it refuses as no id
  /** The day that it is where the service counts. */
  today = new Date().toISOString().slice(0, 10);

  /** `{all, month, day}`; empty while they are not known. */
  countsOf(id) {
    return this.#counts.get(id) ?? {};
  }

  /** A list shows these restaurants now: ask about those that nothing is known of. */
  async show(list, ids) {
    this.#lists.set(list, ids);
    const seen = new Set([...this.#lists.values()].flat());
    for (const id of this.#counts.keys()) if (!seen.has(id)) this.#counts.delete(id);
    const fresh = ids.filter((id) => !this.#counts.has(id));
    if (!fresh.length) return;
    for (const id of fresh) this.#counts.set(id, {});
    try {
      await Promise.all([marks.look(fresh.filter((id) => !marks.has(id))), this.#count(fresh)]);
    } catch ({ status, message }) {
      if (status !== 400 && status !== 401) for (const id of fresh) this.#counts.delete(id);
      if (status !== 401) complain(`Hearts or counts could not be read. ${message}`);
    }
  }

  /** Counts may have moved. */
  async refresh() {
    const known = new Set(this.#known);
    const lists = [...this.#lists.values()].map((ids) => ids.filter((id) => known.has(id)));
    await Promise.allSettled(lists.map((ids) => ids.length && this.#count(ids))); // the strip tells of it
  }

  /** Hearts may be others: of another reader, or pressed elsewhere. */
  hearts() {
    return marks.look(this.#known);
  }

  get #known() {
    return [...this.#counts.keys()].filter((id) => "all" in this.countsOf(id));
  }

  async #count(ids) {
    for (const { restaurant_id: id, windows } of await api.tallies(ids)) {
      const [all, month, day] = Object.values(windows); // in the order asked for
      if (this.#counts.has(id)) this.#counts.set(id, { all, month, day });
      this.today = Object.keys(windows)[2];
    }
    this.dispatchEvent(new Event("change"));
  }
}

export const onScreen = new OnScreen();
