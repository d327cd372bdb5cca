// One restaurant: its counts, its history, its heart.

import { complain } from "./announce.js";
import * as api from "./api.js";
import { byId, html, throttled } from "./dom.js";
import { count, windowTitle } from "./format.js";
import { favorites } from "./words.js";
import { cuisineOf, knowNames, nameOf } from "./names.js";
import { Plot } from "./plot.js";
import { paintHeart } from "./row.js";

const REFRESH = 1_000; // milliseconds
const IDLE = 5_000; // milliseconds between looks when no news comes from the leaderboard
const SPAN = { day: "of the last 30 days", month: "of the last 12 months" };
const WINDOWS = { 3: "all", 7: "month", 10: "day" }; // by the length of their names

export class Detail {
  #id = null;
  #by = "day";
  #plot = new Plot(byId("plot"), favorites);
  #refreshSoon = throttled(() => this.#refresh().catch(() => {}), REFRESH);

  constructor(live, toggle) {
    byId("detail-heart").addEventListener("click", () => toggle(this.#id));
    byId("by").addEventListener("change", ({ target }) => {
      this.#by = target.value;
      this.#refresh().catch(({ message }) => complain(message));
    });
    setInterval(() => document.hidden || this.#refreshSoon(), IDLE);
    for (const kind of ["board", "lag"]) live.addEventListener(kind, () => this.#refreshSoon());
  }

  /** Show a restaurant; null for none. */
  async open(id) {
    if (id === this.#id) return;
    this.#id = id;
    if (id === null) return;
    this.#name();
    for (const figure of document.querySelectorAll("dd")) figure.textContent = "–";
    await knowNames([id]);
    if (id !== this.#id) return;
    this.#name();
    await this.#refresh().catch(({ message }) => complain(message));
  }

  paint() {
    if (this.#id !== null) paintHeart(byId("detail-heart"), this.#id);
  }

  #name() {
    const name = nameOf(this.#id);
    document.title = `${name} – Favorites`;
    byId("detail-title").textContent = name;
    byId("detail-words").textContent = cuisineOf(this.#id);
    this.paint();
  }

  async #refresh() {
    const id = this.#id;
    const by = this.#by;
    if (id === null) return;
    const [{ windows }, { points }] = await Promise.all([api.tally(id), api.history(id, by)]);
    if (id !== this.#id || by !== this.#by) return;
    for (const [window, n] of Object.entries(windows)) {
      byId(`tally-${WINDOWS[window.length]}`).textContent = count(n);
    }
    const title = `New favorites of ${nameOf(id)} ${SPAN[by]}`;
    this.#plot.show(points.map((point) => ({ ...point, amount: point.favorites })), title);
    byId("table-title").textContent = title;
    byId("table-rows").replaceChildren(
      ...points.toReversed().map(({ window, favorites: n }) => {
        const head = html("th", { scope: "row" }, windowTitle(window));
        return html("tr", {}, head, html("td", {}, count(n)));
      }),
    );
  }
}
