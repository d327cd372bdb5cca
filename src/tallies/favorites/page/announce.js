// What is said aloud, and what is shown as trouble. Counts move all the time: only an own mark's
// new count and, now and then, a new leader are spoken.

import { byId, html } from "./dom.js";
import { nameOf } from "./names.js";

const QUIET = 15_000; // milliseconds between two leaders

/** Restaurants whose counts are said when they change next. */
export const awaited = new Set();
let spoken = -QUIET;

export const say = (text) => (byId("polite").textContent = text);

/** Show a sentence until it is dismissed or the next heart is pressed. */
export function complain(text) {
  const dismiss = html("button", { type: "button" }, "Dismiss");
  dismiss.addEventListener("click", calmDown);
  byId("trouble").replaceChildren(html("p", {}, text), dismiss);
}

export const calmDown = () => byId("trouble").replaceChildren();

/** Say what matters of a board's change; boards are lists of `{restaurant_id, favorites}`, whose
 *  amounts `told` puts into words. */
export function announce(before, after, told) {
  const old = new Map(before.map((item) => [item.restaurant_id, item.favorites]));
  const isNews = ({ restaurant_id: id, favorites: n }) => old.get(id) !== n && awaited.delete(id);
  const [first] = after;
  for (const { restaurant_id: id, favorites: n } of after.filter(isNews)) {
    say(`${nameOf(id)}: ${told(n)}`);
  }
  const led = before[0] && first && before[0].restaurant_id !== first.restaurant_id;
  if (!led || performance.now() - spoken < QUIET) return;
  spoken = performance.now();
  say(`${nameOf(first.restaurant_id)} leads now with ${told(first.favorites)}`);
}
