// The page: who reads, what is shown, and how the parts hear of each other.

import { awaited, calmDown, complain, say } from "./announce.js";
import * as api from "./api.js";
import { ask } from "./ask.js";
import { Board } from "./board.js";
import { byId, html, throttled } from "./dom.js";
import { Live } from "./live.js";
import { marks } from "./marks.js";
import { me } from "./me.js";
import { Mine } from "./mine.js";
import { nameOf } from "./names.js";
import { onScreen } from "./screen.js";

const REFRESH = 1_000; // milliseconds between looks at what the stream does not carry
const IDLE = 5_000; // the same, while no news comes by the stream
const WINDOW = /^(all|month|last-7-days|day|trending|\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d)$/;

const live = new Live();
const board = new Board(live, toggle, choose);
const mine = new Mine(toggle);
let detail, find; // they come when they are wanted first
let shown = "all";

/** Do something with a part that may have to come yet. */
const withPart = (part, work) =>
  part.then(work, () => complain("A part of this page did not come. Load the page again."));

async function toggle(id) {
  if (me.id === null) return ask();
  calmDown();
  awaited.add(id); // its count may come before the answer
  await marks.toggle(id);
  if (me.id === null) ask();
}

const look = throttled(async () => {
  if (document.hidden) return;
  board.refresh();
  await onScreen.refresh();
  detail?.refresh();
}, REFRESH);
for (const kind of ["board", "lag", "lost"]) live.addEventListener(kind, look);
setInterval(look, IDLE);

for (const source of [marks, onScreen]) {
  source.addEventListener("change", () => {
    for (const part of [board, mine, find]) for (const row of part?.rows.values() ?? []) row.paint();
    detail?.paint();
  });
}
marks.addEventListener("elsewhere", loadMarks);
marks.addEventListener("confirmed", ({ detail: id }) => {
  if (awaited.has(id)) say(`${nameOf(id)} is ${marks.has(id) ? "a favorite now." : "no favorite any more."}`);
});
marks.addEventListener("refused", ({ detail: { id, error } }) => {
  awaited.delete(id);
  complain(`${nameOf(id)} is ${marks.has(id) ? "still" : "not"} a favorite. ${error.message}`);
});

async function loadMarks() {
  byId("who-name").textContent = me.id ?? "Sign in";
  try {
    await Promise.all([marks.load(), onScreen.hearts()]);
  } catch (error) {
    if (error.status !== 401) complain(`Your favorites could not be read. ${error.message}`);
  }
}

me.addEventListener("change", () => {
  marks.clear();
  loadMarks();
});
document.addEventListener("visibilitychange", () => document.hidden || loadMarks());
byId("who").addEventListener("click", ask);
byId("detail-heart").addEventListener("click", () => toggle(route().id));
for (const kind of ["input", "submit"]) {
  byId("find").addEventListener(kind, (event) => {
    event.preventDefault();
    withPart(import("./find.js"), ({ Find }) => (find ??= new Find(toggle))[kind]());
  });
}

function select(window, cuisine) {
  shown = window;
  board.select(window, cuisine);
  openRestaurant();
}

/** Something was chosen: the address remembers it, unless a restaurant stays open beside it. */
function choose(window, cuisine) {
  const address = `#/${window}${cuisine && `/${api.encode(cuisine)}`}`;
  if (document.body.dataset.view === "board") history.replaceState(null, "", address);
  select(window, cuisine);
}

/** What the address asks for: `#/month`, `#/month/CUISINE`, `#/mine`, `#/restaurant/ID`. */
function route() {
  const [, place = "", coded = ""] = location.hash.split("/");
  let text = "";
  try {
    text = decodeURIComponent(coded);
  } catch {} // it was cut off
  if (place === "restaurant" && text) return { view: "detail", id: text };
  return { view: place === "mine" ? "mine" : "board", id: null, place, cuisine: text };
}

/** Show the restaurant that the address asks for, or none. */
function openRestaurant() {
  if (!detail && route().id === null) return;
  withPart(import("./detail.js"), ({ Detail }) => (detail ??= new Detail()).open(route().id, shown));
}

let scroll = 0; // of the board, to come back to
let opener = null; // what a restaurant was opened from

/** Show what the address asks for; the focus goes there, and back to where it came from. */
function go() {
  const { view, place, cuisine } = route();
  const from = document.body.dataset.view;
  if (from === "board") scroll = scrollY;
  if (view === "detail") opener ??= document.activeElement;
  document.body.dataset.view = view;
  document.title = "Favorites";
  for (const link of document.querySelectorAll("nav a")) {
    link.setAttribute("aria-current", (link.hash === "#/mine") === (view === "mine") ? "page" : "false");
  }
  if (WINDOW.test(place)) select(place, cuisine);
  else openRestaurant();
  if (view === from) return;
  const alone = getComputedStyle(byId("board")).display === "none";
  if (alone || view === "board") scrollTo(0, alone ? 0 : scroll);
  if (view !== "board") byId(`${view}-title`).focus({ preventScroll: true });
  else if (opener?.isConnected) opener.focus({ preventScroll: true });
  if (view !== "detail") opener = null;
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // its fragment is no view
  byId("board-title").focus();
});
addEventListener("hashchange", go);
go();
if (!byId("board-panel").hasAttribute("aria-labelledby")) select(shown, "");
loadMarks();
api.health().then(
  ({ notice }) => {
    byId("notice").hidden = !notice;
    byId("notice").textContent = notice ?? "";
  },
  () => {}, // a service in trouble says so where it matters
);
api.cuisines().then(
  ({ items }) => {
    for (const { cuisine: value, restaurants: n } of items) {
      byId("cuisine").append(html("option", { value }, `${value} (${n})`));
    }
    byId("cuisine").value = route().cuisine ?? "";
    byId("cuisines").hidden = !items.length;
  },
  () => {}, // the leaderboard is there without
);
