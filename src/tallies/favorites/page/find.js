// Finding a restaurant by its name, or naming a new one by its id. It comes with the first letter.

import { complain, say } from "./announce.js";
import * as api from "./api.js";
import { byId } from "./dom.js";
import { GlidingList } from "./list.js";
import { knowNames, learn } from "./names.js";
import { Row } from "./row.js";
import { onScreen } from "./screen.js";

const MOST = 6;
const LONGEST = 200; // characters that the service searches for
const PAUSE = 180; // milliseconds without a key before the service is asked

export class Find {
  #list;
  #timer;
  #turn = 0;

  constructor(toggle) {
    const form = byId("find");
    this.#list = new GlidingList(byId("find-rows"), (id) => new Row(id, toggle), (item) => item.restaurant_id);
    form.addEventListener("keydown", ({ key }) => key === "Escape" && this.#hide());
    form.addEventListener("focusout", ({ relatedTarget: to }) => form.contains(to) || this.#hide());
    // A press on what takes no focus keeps the focus, and so the panel, where it is.
    byId("find-panel").addEventListener("pointerdown", (event) => event.preventDefault());
    addEventListener("hashchange", () => this.#hide());
  }

  get rows() {
    return this.#list.rows;
  }

  /** A letter was typed. */
  input() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), PAUSE);
  }

  /** Enter was pressed. */
  async submit() {
    await this.#search();
    byId("find-rows").querySelector(".place")?.focus();
  }

  #hide() {
    clearTimeout(this.#timer);
    this.#turn++;
    byId("find-panel").hidden = true;
    onScreen.show("find", []);
  }

  async #search() {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    const text = byId("find-text").value.trim();
    if (!text) return this.#hide();
    try {
      const { items } = await api.search(text.slice(0, LONGEST), MOST);
      for (const item of items) learn(item.restaurant_id, item);
      if (!items.some((item) => item.restaurant_id === text || item.name === text)) {
        await knowNames([text]);
        items.push({ restaurant_id: text, words: "Use this as the restaurant’s id" });
      }
      if (turn !== this.#turn) return;
      this.#list.show(items.map(({ restaurant_id, words }) => ({ restaurant_id, words })));
      onScreen.show("find", items.map((item) => item.restaurant_id));
      byId("find-panel").hidden = false;
      say(`${items.length} found.`);
    } catch (error) {
      complain(error.message);
    }
  }
}
