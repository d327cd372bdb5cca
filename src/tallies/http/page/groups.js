// The leaderboard of a tally: its groups, live, as many as the reader asked for.

import { byId } from "./dom.js";
import { count } from "./format.js";
import { GlidingList } from "./list.js";
import * as ask from "./questions.js";

const STEP = 25; // rows at first, and more at a time
const LIVE = 100; // the most rows that the stream carries

const key = (group) => JSON.stringify(group);

/** Events: "news", whenever counts may have changed. */
export class Groups extends EventTarget {
  #list;
  #end = () => {};
  #tally;
  #window;
  #title;
  #shown = STEP;
  #next;

  /** `open(group)`: a row was pressed. */
  constructor(open) {
    super();
    this.#list = new GlidingList(byId("board-rows"), (id) => new Row(id, open), ({ group }) => key(group));
    byId("board-more").addEventListener("click", () => this.#more());
    document.addEventListener("visibilitychange", () => this.#tally && this.#follow());
  }

  /** Follow a window of a tally; `title(window)` names what comes. */
  show(tally, window, title) {
    this.#tally = tally;
    this.#window = window;
    this.#title = title;
    this.#shown = STEP;
    byId("board-panel").setAttribute("aria-busy", true);
    this.#follow();
  }

  /** Show no leaderboard. */
  clear() {
    this.#end();
    this.#tally = undefined;
    this.#list.show([]);
    byId("board-more").hidden = true;
    byId("board-panel").setAttribute("aria-busy", false);
  }

  #follow() {
    this.#end();
    if (document.hidden) return;
    this.#end = ask.follow(this.#tally.name, this.#window, Math.min(this.#shown, LIVE), {
      board: (content) => this.#draw(content),
      lag: (status) => {
        strip(...told(status));
        this.dispatchEvent(new Event("news"));
      },
      lost: () => strip("lost", "connection lost, retrying"),
    });
  }

  async #more() {
    this.#end();
    this.#shown += STEP;
    if (this.#shown <= LIVE) return this.#follow();
    // Further down than the stream reaches, rows stand still until they are asked for again.
    const { items, next } = await ask.leaderboard(this.#tally.name, this.#window, this.#shown);
    this.#draw({ window: byId("board-title").dataset.window, items, next });
  }

  #draw({ window, items, next }) {
    const measure = this.#tally.ranked_by;
    const most = Math.max(...items.map((item) => item[measure]), 0);
    this.#list.show(
      items.map((item) => ({ ...item, amount: item[measure], measure, share: most && item[measure] / most })),
    );
    this.#next = next;
    byId("board-title").dataset.window = window;
    byId("board-title").textContent = this.#title(window);
    byId("board-panel").setAttribute("aria-busy", false);
    byId("board-more").hidden = !this.#next;
    byId("board-empty").hidden = items.length > 0;
    byId("board-empty").textContent = `No ${measure} here yet.`;
    this.dispatchEvent(new Event("news"));
  }
}

class Row {
  element = byId("row").content.firstElementChild.cloneNode(true);

  constructor(id, open) {
    const group = JSON.parse(id);
    this.element.dataset.id = id;
    this.#find(".name").textContent = group.join(" · ") || "Total";
    this.#find(".place").addEventListener("click", () => open(group));
  }

  update({ rank, amount, measure, share }) {
    this.element.style.setProperty("--share", Math.max(share, 0));
    this.#find(".rank").textContent = rank;
    this.#find(".count b").textContent = count(amount);
    this.#find(".count .quiet").textContent = measure;
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }
}

function strip(state, text) {
  byId("strip").dataset.state = state;
  byId("strip").textContent = text;
}

function told({ lag_records: records, lag_seconds: age }) {
  const seconds = age ? `, ${age.toFixed(1)} s` : "";
  return records > 0
    ? ["behind", `${count(records)} behind${seconds}`]
    : ["live", records === 0 ? "live, 0 behind" : "live"];
}
