// One group of a tally: its measures now, its place, and its history as a plot.

import { byId, html, throttled } from "./dom.js";
import { count, windowTitle } from "./format.js";
import { Plot } from "./plot.js";
import * as ask from "./questions.js";

const REFRESH = 1_500; // milliseconds; longer than any cache keeps an answer

export class One {
  #tally;
  #group = null;
  #window;
  #later;
  #turn = 0; // of the newest question
  #told = 0; // of the newest answer that is shown
  #plot = new Plot(byId("plot"), (n) => `${count(n)} ${byId("measure").value}`);

  refreshSoon = throttled(() => this.#refresh().catch(() => {}), REFRESH);

  constructor() {
    byId("measure").addEventListener("change", () => this.#refresh());
    byId("by").addEventListener("change", () => this.#refresh());
  }

  /** Counts may have changed. They are read now, and again when no cache holds what was before. */
  news() {
    this.refreshSoon();
    clearTimeout(this.#later);
    this.#later = setTimeout(this.refreshSoon, REFRESH);
  }

  /** The window of the leaderboard whose place is told. */
  in(window) {
    this.#window = window;
    this.refreshSoon();
  }

  show(tally, group) {
    this.#tally = tally;
    this.#group = group;
    byId("detail-title").textContent = group.join(" · ") || "Total";
    byId("detail-place").textContent = "";
    const kinds = tally.windows.filter((kind) => kind !== "all");
    byId("plot-head").hidden = byId("plot").hidden = !kinds.length;
    byId("measure").replaceChildren(...tally.measures.map((name) => html("option", {}, name)));
    byId("by").replaceChildren(
      ...kinds.map((kind) => {
        const input = html("input", { class: "unseen", type: "radio", name: "by", value: kind });
        input.checked = kind === (kinds.includes("day") ? "day" : kinds[0]);
        return html("label", {}, input, html("span", {}, `By ${kind}`));
      }),
    );
    this.#refresh().catch(({ message }) => (byId("detail-place").textContent = message));
  }

  close() {
    this.#group = null;
  }

  async #refresh() {
    const [tally, group, window] = [this.#tally, this.#group, this.#window];
    if (group === null) return;
    const turn = ++this.#turn;
    const by = byId("by").querySelector(":checked")?.value;
    const [{ windows }, place, history] = await Promise.all([
      ask.tally(tally.name, group),
      window && ask.rank(tally.name, window, group),
      by && ask.history(tally.name, group, by),
    ]);
    if (group !== this.#group || tally !== this.#tally || turn < this.#told) return;
    this.#told = turn;
    byId("now-head").replaceChildren(
      html("th", { scope: "col" }, "Now"),
      ...tally.measures.map((name) => html("th", { scope: "col" }, name)),
    );
    byId("now-rows").replaceChildren(
      ...Object.entries(windows).map(([name, values]) => {
        const head = html("th", { scope: "row" }, windowTitle(name));
        return html("tr", {}, head, ...tally.measures.map((m) => html("td", {}, count(values[m]))));
      }),
    );
    byId("detail-place").textContent = place ? `Place ${count(place.rank)} of ${count(place.of)}` : "";
    const measure = byId("measure").value;
    const points = history?.points.map((point) => ({ window: point.window, amount: point[measure] }));
    if (points) this.#plot.show(points, `${measure} of ${group.join(" · ")} by ${by}`);
  }
}
