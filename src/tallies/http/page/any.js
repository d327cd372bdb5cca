// The page of any table: which tally is shown, in which window, and which of its groups.

import { Groups } from "./groups.js";
import { byId, html } from "./dom.js";
import { windowTitle } from "./format.js";
import { One } from "./one.js";
import * as ask from "./questions.js";

const SPANS = { "last-7-days": "Last 7 days", trending: "Trending" };
const KINDS = { all: "All time", year: "This year", month: "This month", week: "This week", day: "Today", hour: "This hour" };

const board = new Groups((group) => open(group));
const one = new One();
let tally;

/** Show a tally, its first window and none of its groups. */
function show(next) {
  tally = next;
  close();
  const windows = [...tally.ranked, ...(tally.ranked.includes("day") ? Object.keys(SPANS) : [])];
  byId("windows").replaceChildren(
    ...windows.map((window, at) => {
      const input = html("input", { class: "unseen", type: "radio", name: "window", value: window });
      input.checked = at === 0;
      return html("label", {}, input, html("span", {}, KINDS[window] ?? SPANS[window]));
    }),
  );
  if (windows.length) choose(windows[0]);
  else {
    board.clear();
    one.in(null);
    byId("board-title").textContent = tally.name;
    byId("board-empty").textContent = "No window of this tally is ranked, so it has no leaderboard.";
    byId("board-empty").hidden = false;
    if (!tally.group_by.length) open([]);
  }
}

function choose(window) {
  board.show(tally, window, (shown) => SPANS[window] ?? windowTitle(shown));
  one.in(window);
}

function open(group) {
  byId("detail").hidden = false;
  document.body.dataset.view = "detail";
  one.show(tally, group);
  byId("detail-title").focus({ preventScroll: true });
}

function close() {
  byId("detail").hidden = true;
  document.body.dataset.view = "board";
  one.close();
}

async function start() {
  const { source, items } = await ask.tallies();
  document.title = source;
  byId("source").textContent = source;
  byId("tally").replaceChildren(...items.map(({ name }) => html("option", { value: name }, name)));
  byId("which").hidden = items.length < 2;
  byId("tally").addEventListener("change", ({ target }) => show(items[target.selectedIndex]));
  byId("windows").addEventListener("change", ({ target }) => choose(target.value));
  byId("close").addEventListener("click", close);
  board.addEventListener("news", () => one.news());
  const { notice } = await ask.health();
  byId("notice").textContent = notice ?? "";
  byId("notice").hidden = !notice;
  show(items[0]);
}

byId("ask").addEventListener("close", () => {
  ask.signIn(byId("ask-value").value.trim());
  begin();
});

function begin() {
  start().catch((error) => {
    if (error.status === 401) byId("ask").showModal();
    else byId("trouble").replaceChildren(html("p", {}, error.message));
  });
}

begin();
