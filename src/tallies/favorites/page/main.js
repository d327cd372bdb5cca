// The page: who reads, what is shown, and how the parts hear of each other.

import { awaitCount, calmDown, complain, say } from "./announce.js";
import * as api from "./api.js";
import { ask } from "./ask.js";
import { Board } from "./board.js";
import { Detail } from "./detail.js";
import { byId } from "./dom.js";
import { Find } from "./find.js";
import { Live } from "./live.js";
import { marks } from "./marks.js";
import { me } from "./me.js";
import { Mine } from "./mine.js";
import { nameOf } from "./names.js";

const live = new Live();
const board = new Board(live, toggle, chooseWindow);
const detail = new Detail(live, toggle);
const find = new Find(toggle);
new Mine(toggle);

async function toggle(id) {
  if (me.id === null) return ask();
  calmDown();
  await marks.toggle(id);
  if (me.id === null) ask();
}

marks.addEventListener("change", () => {
  for (const part of [...board.rows.values(), ...find.rows.values(), detail]) part.paint();
});
marks.addEventListener("confirmed", ({ detail: id }) => {
  awaitCount(id);
  say(`${nameOf(id)} is ${marks.has(id) ? "a favorite now." : "no favorite any more."}`);
});
marks.addEventListener("refused", ({ detail: { id, error } }) => {
  complain(`${nameOf(id)} is ${marks.has(id) ? "still" : "not"} a favorite. ${error.message}`);
});

async function loadMarks() {
  byId("who-name").textContent = me.id ?? "Sign in";
  try {
    await marks.load();
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

/** A tab was chosen: the address remembers it, unless a restaurant stays open beside it. */
function chooseWindow(window) {
  if (document.body.dataset.view === "board") history.replaceState(null, "", `#/${window}`);
  board.select(window);
}

/** What the address asks for: `#/month`, `#/mine`, `#/restaurant/ID`. */
function route() {
  const [, place = "", id] = location.hash.split("/");
  if (place === "restaurant" && id) {
    try {
      return { view: "detail", id: decodeURIComponent(id) };
    } catch {
      return { view: "board", id: null };
    }
  }
  return { view: place === "mine" ? "mine" : "board", id: null, place };
}

let scroll = 0; // of the board, to come back to
let opener = null; // what a restaurant was opened from

/** Show what the address asks for; the focus goes there, and back to where it came from. */
function go() {
  const { view, id, place } = route();
  const from = document.body.dataset.view;
  if (from === "board") scroll = scrollY;
  if (view === "detail") opener ??= document.activeElement;
  document.body.dataset.view = view;
  document.title = "Favorites";
  for (const link of document.querySelectorAll("nav a")) {
    link.setAttribute("aria-current", (link.hash === "#/mine") === (view === "mine") ? "page" : "false");
  }
  if (["all", "month", "day"].includes(place)) board.select(place);
  detail.open(id);
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
if (!byId("board-panel").hasAttribute("aria-labelledby")) board.select("all");
loadMarks();
api.health().then(
  ({ notice }) => {
    byId("notice").hidden = !notice;
    byId("notice").textContent = notice ?? "";
  },
  () => {}, // a service in trouble says so where it matters
);
