// My favorites, newest first. What was unmarked just now stays in sight, so that a slip is undone
// where it happened.

import { byId } from "./dom.js";
import { count, when } from "./format.js";
import { GlidingList } from "./list.js";
import { marks } from "./marks.js";
import { me } from "./me.js";
import { knowNames } from "./names.js";
import { Row } from "./row.js";

const PAGE = 15;
const words = ({ on, created_at: at }) => (on ? when(at) : "Removed; press the heart to keep it");

export class Mine {
  #list;
  #shown = PAGE;
  #turn = 0;

  constructor(toggle) {
    this.#list = new GlidingList(byId("mine-rows"), (id) => new Row(id, toggle), (item) => item.restaurant_id);
    marks.addEventListener("change", () => this.#draw());
    byId("mine-more").addEventListener("click", async () => {
      const before = this.#shown;
      this.#shown += PAGE;
      await this.#draw();
      byId("mine-rows").children[before]?.querySelector(".place").focus();
    });
  }

  async #draw() {
    const turn = ++this.#turn;
    const rows = marks.newest();
    const shown = rows.slice(0, this.#shown);
    await knowNames(shown.map((row) => row.restaurant_id));
    if (turn !== this.#turn) return;
    this.#list.show(shown.map((row) => ({ ...row, words: words(row) })));
    byId("mine-count").textContent = count(rows.filter((row) => row.on).length);
    byId("mine-more").hidden = rows.length <= this.#shown;
    byId("mine-empty").hidden = rows.length > 0;
    byId("mine-empty").textContent =
      me.id === null ? "Sign in to keep favorites." : "None yet. What you give a heart is kept here.";
  }
}
