// The place of a restaurant on the leaderboard, with a step to who is before and who is behind.

import { encode } from "./api.js";
import { byId, html } from "./dom.js";
import { count, windowTitle } from "./format.js";
import { knowNames, nameOf } from "./names.js";

const rules = new Intl.PluralRules("en-GB", { type: "ordinal" });
const ordinal = (n) => count(n) + { one: "st", two: "nd", few: "rd", other: "th" }[rules.select(n)];

function step(way, arrow) {
  const parts = [
    html("span", { class: "unseen" }, `One place ${way}: `),
    html("span", { "aria-hidden": true }, arrow),
    " ",
    html("span", { dir: "auto" }),
  ];
  return html("a", { id: `place-${way}`, role: "link" }, ...parts);
}

export class Place {
  #up = step("up", "↑");
  #down = step("down", "↓");

  constructor(element) {
    element.append(
      html("p", {}, html("b", { id: "place" }), " ", html("span", { id: "place-in", class: "quiet" })),
      html("p", { class: "steps" }, this.#up, this.#down),
    );
  }

  /** Forget whose place it is. */
  clear() {
    this.#tell("–", {});
  }

  /** Show what the service answered about a place; null for none. Returns it in words. */
  async show(place) {
    if (!place) return this.#tell("Not on this leaderboard", {});
    await knowNames(place.items.map((item) => item.restaurant_id));
    return this.#tell(`${ordinal(place.rank)} of ${count(place.of)}`, place);
  }

  #tell(words, { window, rank, items = [] }) {
    const at = (rank) => items.find((item) => item.rank === rank);
    byId("place").textContent = words;
    byId("place-in").textContent = window ? windowTitle(window) : "";
    this.#lead(this.#up, at(rank - 1), "None above");
    this.#lead(this.#down, at(rank + 1), "None below");
    return words;
  }

  /** Even a step that leads nowhere keeps the focus of whoever came by it. */
  #lead(step, other, none) {
    step.tabIndex = other ? 0 : -1;
    step.setAttribute("aria-disabled", !other);
    if (other) step.href = `#/restaurant/${encode(other.restaurant_id)}`;
    else step.removeAttribute("href");
    step.lastElementChild.textContent = other ? `${ordinal(other.rank)} ${nameOf(other.restaurant_id)}` : none;
  }
}
