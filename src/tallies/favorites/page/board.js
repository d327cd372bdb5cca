// The leaderboard: of a window or a span, of all restaurants or of one cuisine, live, with as many
// rows as the reader asked for.

import { announce, complain, say } from "./announce.js";
import * as api from "./api.js";
import { byId } from "./dom.js";
import { count, noun, windowTitle } from "./format.js";
import { GlidingList } from "./list.js";
import { knowNames, learn } from "./names.js";
import { Row } from "./row.js";
import { onScreen } from "./screen.js";
import { favorites, points } from "./words.js";

const STEP = 25; // rows at first, and more at a time
const LIVE = 100; // the most rows that the stream carries
const PAGE = 1000; // the most rows that one request gives
const DAY = 86_400_000; // milliseconds
const EMPTY = {
  all: "No favorites yet. Type a restaurant’s name or id above and press its heart: it will be first.",
  month: "No favorites this month yet.",
  "last-7-days": "No favorites this week.",
  day: "No favorites today yet. The day began at midnight UTC.",
  trending: "No favorites in the last 30 days.",
  dates: "No favorites from these days.",
};
const TRENDING = "Today’s favorites count in full, those of three days ago by half.";

export class Board {
  #live;
  #list;
  #window;
  #cuisine;
  #among = { ids: [] }; // the restaurants of a cuisine
  #shown;
  #drawing;
  #drawn;
  #items = [];
  #turn = 0;

  /** `toggle(id)`: a heart was pressed. `choose(window, cuisine)`: something else is to be shown. */
  constructor(live, toggle, choose) {
    this.#live = live;
    this.#list = new GlidingList(byId("board-rows"), (id) => new Row(id, toggle), (item) => item.restaurant_id);
    live.addEventListener("board", ({ detail }) => this.#isStreamed && this.#show(detail));
    byId("board-more").addEventListener("click", () => this.#more());
    byId("cuisine").addEventListener("change", ({ target }) => choose(this.#window, target.value));
    byId("from").addEventListener("input", ({ target }) => (byId("to").min = target.value));
    byId("dates").addEventListener("submit", (event) => {
      event.preventDefault();
      choose(this.#dates(), this.#cuisine);
    });
    this.#wire([...document.querySelectorAll("[role=tab]")], (tab) => {
      choose(tab === "dates" ? this.#dates() : tab, this.#cuisine);
    });
  }

  get rows() {
    return this.#list.rows;
  }

  /** Show a window or span, of all restaurants or of a cuisine. */
  select(window, cuisine) {
    const same = window === this.#window;
    if (same && cuisine === this.#cuisine) return;
    this.#window = window;
    this.#cuisine = cuisine;
    this.#shown = STEP;
    this.#turn++;
    const [from, to] = window.split("..");
    const chosen = `tab-${to ? "dates" : window}`;
    byId("board-panel").setAttribute("aria-busy", true);
    byId("board-panel").setAttribute("aria-labelledby", chosen);
    for (const tab of document.querySelectorAll("[role=tab]")) {
      tab.setAttribute("aria-selected", tab.id === chosen);
      tab.tabIndex = tab.id === chosen ? 0 : -1;
    }
    byId("cuisine").value = cuisine;
    byId("dates").hidden = !to;
    if (to) [byId("from").value, byId("to").min, byId("to").value] = [from, from, to];
    this.#live.watch(window, STEP);
    if (cuisine || same) this.#read().catch(({ message }) => complain(message)); // no event brings it
  }

  /** Read again what the stream does not carry. */
  refresh() {
    if (!this.#isStreamed || this.#live.isLost) this.#read().catch(() => {}); // the strip tells of it
  }

  get #isStreamed() {
    return !this.#cuisine && this.#shown <= LIVE;
  }

  /** The span of the two date fields; two weeks unless they were used. */
  #dates() {
    const [from, to] = [byId("from"), byId("to")];
    to.value ||= onScreen.today;
    from.value ||= new Date(to.valueAsNumber - 13 * DAY).toISOString().slice(0, 10);
    return `${from.value}..${to.value}`;
  }

  async #read() {
    const [window, cuisine, shown] = [this.#window, this.#cuisine, this.#shown];
    const isWanted = () => window === this.#window && cuisine === this.#cuisine && shown === this.#shown;
    try {
      const board = await (cuisine ? this.#readAmong(window, cuisine) : this.#readPages(window));
      if (isWanted()) this.#show(board);
    } catch (error) {
      if (error.status !== 400) throw error;
      if (isWanted()) this.#refuse(error.message);
    }
    for (let seen; seen !== this.#drawing; ) await (seen = this.#drawing); // a newer one may come
  }

  async #readPages(window) {
    const items = [];
    let page = {};
    do {
      page = await api.leaderboard(window, Math.min(this.#shown, PAGE), page.next);
      items.push(...page.items);
    } while (page.next && items.length < this.#shown);
    return { ...page, items };
  }

  async #readAmong(window, cuisine) {
    if (this.#among.cuisine !== cuisine) {
      const { items } = await api.ofCuisine(cuisine);
      for (const item of items) learn(item.restaurant_id, item);
      this.#among = { cuisine, ids: items.map((item) => item.restaurant_id) };
    }
    const { ids } = this.#among;
    const { items, ...board } = ids.length ? await api.among(window, ids) : { window, items: [] };
    return { ...board, items: items.slice(0, this.#shown), next: items.length > this.#shown };
  }

  async #more() {
    const before = this.#items.length;
    this.#shown += STEP;
    try {
      await this.#read();
      this.#live.watch(this.#window, Math.min(this.#shown, LIVE));
      say(`${this.#items.length - before} more shown.`);
      byId("board-rows").children[before]?.querySelector(".place").focus();
    } catch (error) {
      this.#shown -= STEP;
      complain(error.message);
    }
  }

  #show(board) {
    this.#drawing = this.#draw(board);
  }

  /** Draw a leaderboard, unless a newer one comes while its names are fetched. */
  async #draw({ window, items, next }) {
    const turn = ++this.#turn;
    const ids = items.map((item) => item.restaurant_id);
    await knowNames(ids);
    if (turn !== this.#turn) return;
    const most = items[0]?.favorites;
    const told = window === "trending" ? points : favorites;
    const total = window !== "all";
    this.#list.show(items.map((item) => ({ ...item, share: item.favorites / most, told, total })));
    const drawn = `${window} ${this.#cuisine}`;
    if (drawn === this.#drawn) announce(this.#items, items, told);
    this.#drawn = drawn;
    this.#items = items;
    onScreen.show("board", ids);
    const { length } = this.#among.ids;
    const those = `${count(length)} ${this.#cuisine} ${noun(length, "restaurant")}`;
    const among = this.#cuisine && `Places among ${those}.`;
    byId("board-hint").textContent = window === "trending" ? `${TRENDING} ${among}` : among;
    const none = this.#cuisine ? `None of ${those} is on this board.` : EMPTY[this.#window] ?? EMPTY.dates;
    this.#settle(windowTitle(window), next, none);
  }

  /** Say why the service has no such leaderboard. */
  #refuse(why) {
    this.#live.stop();
    this.#turn++;
    this.#items = [];
    this.#list.show([]);
    byId("board-hint").textContent = "";
    this.#settle(this.#window, null, why);
    say(why);
  }

  #settle(title, next, empty) {
    byId("board-title").textContent = title;
    byId("board-panel").setAttribute("aria-busy", false);
    byId("board-more").hidden = !next;
    byId("board-empty").hidden = this.#items.length > 0;
    byId("board-empty").textContent = empty;
  }

  #wire(tabs, choose) {
    const last = tabs.length - 1;
    for (const [at, tab] of tabs.entries()) {
      const keys = { ArrowLeft: at ? at - 1 : last, ArrowRight: at < last ? at + 1 : 0, Home: 0, End: last };
      tab.setAttribute("aria-controls", "board-panel");
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
