// One restaurant: its counts, its place on the leaderboard, its history, its heart. It comes when a
// restaurant is opened first.

import { complain, say } from "./announce.js";
import * as api from "./api.js";
import { byId, html } from "./dom.js";
import { count, windowTitle } from "./format.js";
import { cuisineOf, knowNames, nameOf } from "./names.js";
import { Place } from "./place.js";
import { Plot } from "./plot.js";
import { paintHeart } from "./row.js";
import { onScreen } from "./screen.js";
import { favorites } from "./words.js";

const WINDOWS = { all: "All time", month: "This month", day: "Today" };
const PAUSE = 5_000; // milliseconds between looks for the place: each may count all that is above it
const SPAN = { day: "of the last 30 days", month: "of the last 12 months" };

const figure = ([window, title]) =>
  html("div", {}, html("dt", {}, title), html("dd", { id: `tally-${window}` }));

function choice(by) {
  const input = html("input", { class: "unseen", type: "radio", name: "by", value: by });
  return html("label", {}, input, html("span", {}, `By ${by}`));
}

/** The place of a restaurant and its neighbours; null where it has none. */
const placeOf = (window, id) =>
  api.rank(window, id).catch((error) => {
    if (error.status === 404) return null;
    throw error;
  });

const head = (title) => html("th", { scope: "col" }, title);

export class Detail {
  #id = null;
  #window;
  #told = null; // whose place was said
  #asked = { since: 0, counts: {} }; // when the place was asked for, and the counts then
  #place = new Place(byId("detail-place"));
  #steps = html("div", { class: "tabs", id: "by", role: "radiogroup", "aria-label": "Steps of the plot" });
  #title = html("caption", { class: "unseen" });
  #rows = html("tbody", { id: "table-rows" });
  #plot;

  constructor() {
    const plot = html("div", { id: "plot" });
    const heads = html("thead", {}, html("tr", {}, head("When (UTC)"), head("Favorites")));
    this.#steps.append(...Object.keys(SPAN).map(choice));
    this.#steps.querySelector("input").checked = true;
    this.#steps.addEventListener("change", () => {
      this.#readHistory().catch(({ message }) => complain(message));
    });
    byId("detail-body").append(
      html("dl", {}, ...Object.entries(WINDOWS).map(figure)),
      html("div", { class: "head" }, html("h3", {}, "New favorites"), this.#steps),
      plot,
      html("details", {}, html("summary", {}, "The same as a table"), html("table", {}, this.#title, heads, this.#rows)),
    );
    this.#plot = new Plot(plot, favorites);
  }

  /** Show a restaurant (null for none), and its place in a window or span. */
  async open(id, window) {
    const same = id === this.#id;
    if (same && window === this.#window) return;
    this.#id = id;
    this.#window = window;
    if (id === null) return onScreen.show("detail", []);
    if (!same) {
      this.#name();
      for (const kind of Object.keys(WINDOWS)) byId(`tally-${kind}`).textContent = "–";
      this.#place.clear();
      await knowNames([id]);
      if (id !== this.#id) return;
      this.#name();
    }
    await onScreen.show("detail", [id]);
    if (id === this.#id) await this.#read();
  }

  /** Read again what may have moved. */
  refresh() {
    if (this.#id === null) return;
    const { since, counts } = this.#asked;
    const moved = counts.all !== onScreen.countsOf(this.#id).all || performance.now() - since > PAUSE;
    const asked = [this.#readHistory(), moved && this.#readPlace()];
    Promise.all(asked).catch(() => {}); // the strip tells of it
  }

  /** Show the heart and the counts as they are now. */
  paint() {
    if (this.#id === null) return;
    paintHeart(byId("detail-heart"), this.#id);
    for (const [kind, n] of Object.entries(onScreen.countsOf(this.#id))) {
      byId(`tally-${kind}`).textContent = count(n);
    }
  }

  get #by() {
    return this.#steps.querySelector(":checked").value;
  }

  #name() {
    const name = nameOf(this.#id);
    document.title = `${name} – Favorites`;
    byId("detail-title").textContent = name;
    byId("detail-words").textContent = cuisineOf(this.#id);
    this.paint();
  }

  #read() {
    return Promise.all([this.#readPlace(), this.#readHistory()]).catch(({ message }) => complain(message));
  }

  async #readPlace() {
    const [id, window] = [this.#id, this.#window];
    const counts = onScreen.countsOf(id);
    this.#asked = { since: performance.now(), counts };
    const hasNone = (counts[window] ?? counts.all) === 0; // and so no place to ask for
    const place = hasNone ? null : await placeOf(window, id);
    if (id !== this.#id || window !== this.#window) return;
    const words = await this.#place.show(place);
    if (place && this.#told !== id) say(`${nameOf(id)}: ${words}`);
    if (place) this.#told = id;
  }

  async #readHistory() {
    const [id, by] = [this.#id, this.#by];
    const { points } = await api.history(id, by);
    if (id !== this.#id || by !== this.#by) return;
    const title = `New favorites of ${nameOf(id)} ${SPAN[by]}`;
    this.#plot.show(points.map((point) => ({ ...point, amount: point.favorites })), title);
    this.#title.textContent = title;
    this.#rows.replaceChildren(
      ...points.toReversed().map(({ window, favorites: n }) => {
        const when = html("th", { scope: "row" }, windowTitle(window));
        return html("tr", {}, when, html("td", {}, count(n)));
      }),
    );
  }
}
