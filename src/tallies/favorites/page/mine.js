// My favorites, newest first. What was unmarked just now stays, so that a slip is undone where it
// happened.

import { complain } from "./announce.js";
import { byId } from "./dom.js";
import { count, when } from "./format.js";
import { GlidingList } from "./list.js";
import { marks } from "./marks.js";
import { me } from "./me.js";
import { knowNames } from "./names.js";
import { Row } from "./row.js";
import { onScreen } from "./screen.js";

const words = ({ on, created_at: at }) => (on ? when(at) : "Removed; press the heart to keep it");

export class Mine {
  #list;
  #turn = 0;

  constructor(toggle) {
    this.#list = new GlidingList(byId("mine-rows"), (id) => new Row(id, toggle), (item) => item.restaurant_id);
    marks.addEventListener("change", () => this.#draw());
    byId("mine-more").addEventListener("click", async () => {
      const before = marks.newest().length;
      try {
        await marks.more();
        await this.#draw();
        byId("mine-rows").children[before]?.querySelector(".place").focus();
      } catch (error) {
        complain(error.message);
      }
    });
  }

  get rows() {
    return this.#list.rows;
  }

  async #draw() {
    const turn = ++this.#turn;
    const rows = marks.newest();
    const ids = rows.map((row) => row.restaurant_id);
    await knowNames(ids);
    if (turn !== this.#turn) return;
    this.#list.show(rows.map((row) => ({ ...row, words: words(row) })));
    onScreen.show("mine", ids);
    byId("mine-count").textContent = count(rows.filter((row) => row.on).length) + (marks.goesOn ? "+" : "");
    byId("mine-more").hidden = !marks.goesOn;
    byId("mine-empty").hidden = rows.length > 0;
    byId("mine-empty").textContent =
      me.id === null ? "Sign in to keep favorites." : "None yet. What you give a heart is kept here.";
  }
}
