// The leaderboard: three windows, live, with as many rows as the reader asked for.

import { announce, complain, say } from "./announce.js";
import * as api from "./api.js";
import { byId, throttled } from "./dom.js";
import { windowTitle } from "./format.js";
import { GlidingList } from "./list.js";
import { knowNames } from "./names.js";
import { Row } from "./row.js";

const STEP = 25; // rows at first, and more at a time
const LIVE = 100; // the most rows that the stream carries
const PAGE = 1000; // the most rows that one request gives
const REFRESH = 1_000; // milliseconds between looks at what the stream does not carry
const IDLE = 5_000; // the same, while no news comes by the stream
const EMPTY = {
  all: "No favorites yet. Type a restaurant’s name or id above and press its heart: it will be first.",
  month: "No favorites this month yet.",
  day: "No favorites today yet. The day began at midnight UTC.",
};

export class Board {
  #live;
  #list;
  #window;
  #shown;
  #items = [];
  #next;
  #turn = 0;
  #refreshSoon = throttled(() => this.#refresh(), REFRESH);

  /** `toggle(id)`: a heart was pressed. `choose(window)`: a tab was. */
  constructor(live, toggle, choose) {
    this.#live = live;
    this.#list = new GlidingList(byId("board-rows"), (id) => new Row(id, toggle), (item) => item.restaurant_id);
    live.addEventListener("board", ({ detail }) => {
      if (this.#shown > LIVE) this.#refreshSoon();
      else this.#show(detail);
    });
    live.addEventListener("lost", () => this.#refreshSoon());
    setInterval(() => this.#shown > LIVE && !document.hidden && this.#refreshSoon(), IDLE);
    byId("board-more").addEventListener("click", () => this.#more());
    this.#wire([...document.querySelectorAll("[role=tab]")], choose);
  }

  get rows() {
    return this.#list.rows;
  }

  /** Show a window: all, month or day. */
  select(window) {
    if (window === this.#window) return;
    this.#window = window;
    this.#shown = STEP;
    this.#turn++;
    byId("board-panel").setAttribute("aria-busy", true);
    byId("board-panel").setAttribute("aria-labelledby", `tab-${window}`);
    for (const tab of document.querySelectorAll("[role=tab]")) {
      tab.setAttribute("aria-selected", tab.id === `tab-${window}`);
      tab.tabIndex = tab.id === `tab-${window}` ? 0 : -1;
    }
    this.#live.watch(window, STEP);
  }

  /** Read all that is shown again. */
  async #refresh() {
    const window = this.#window;
    const items = [];
    let page = {};
    try {
      do {
        page = await api.leaderboard(window, Math.min(this.#shown, PAGE), page.next);
        items.push(...page.items);
      } while (page.next && items.length < this.#shown);
    } catch {
      return; // the strip tells of it, and the next look comes by itself
    }
    if (window === this.#window) await this.#show({ ...page, items });
  }

  async #more() {
    const window = this.#window;
    try {
      const page = await api.leaderboard(window, STEP, this.#next);
      if (window !== this.#window) return;
      const before = this.#items.length;
      const known = new Set(this.#items.map((item) => item.restaurant_id));
      const fresh = page.items.filter((item) => !known.has(item.restaurant_id));
      this.#shown += STEP;
      await this.#show({ ...page, items: [...this.#items, ...fresh] });
      this.#live.watch(window, Math.min(this.#shown, LIVE));
      say(`${fresh.length} more shown.`);
      byId("board-rows").children[before]?.querySelector(".place").focus();
    } catch (error) {
      complain(error.message);
    }
  }

  /** Draw a leaderboard, unless a newer one comes while its names are fetched. */
  async #show({ window, items, next }) {
    const turn = ++this.#turn;
    await knowNames(items.map((item) => item.restaurant_id));
    if (turn !== this.#turn) return;
    const most = items[0]?.favorites;
    this.#list.show(items.map((item) => ({ ...item, share: item.favorites / most })));
    const title = windowTitle(window);
    if (byId("board-title").textContent === title) announce(this.#items, items);
    this.#items = items;
    this.#next = next;
    byId("board-title").textContent = title;
    byId("board-panel").setAttribute("aria-busy", false);
    byId("board-more").hidden = !next;
    byId("board-empty").hidden = items.length > 0;
    byId("board-empty").textContent = EMPTY[this.#window];
  }

  #wire(tabs, choose) {
    const last = tabs.length - 1;
    for (const [at, tab] of tabs.entries()) {
      const keys = { ArrowLeft: at ? at - 1 : last, ArrowRight: at < last ? at + 1 : 0, Home: 0, End: last };
      tab.addEventListener("click", () => choose(tab.id.slice("tab-".length)));
      tab.addEventListener("keydown", (event) => {
        if (!(event.key in keys)) return;
        event.preventDefault();
        tabs[keys[event.key]].click();
        tabs[keys[event.key]].focus();
      });
    }
  }
}
