// The live leaderboard, a stream of server-sent events, and the strip that says how it does.

import { say } from "./announce.js";
import * as api from "./api.js";
import { byId } from "./dom.js";
import { count, noun } from "./format.js";

const RETRY = 3_000; // milliseconds

/** Events: "board" (detail: the leaderboard), "lag", "lost". */
export class Live extends EventTarget {
  #source;
  #timer;
  #wanted;

  constructor() {
    super();
    // A hidden page needs no counts, and browsers share few connections among a site's pages.
    document.addEventListener("visibilitychange", () => this.#open());
  }

  /** Follow the first `limit` places of a window. */
  watch(...wanted) {
    if (String(wanted) === String(this.#wanted)) return;
    this.#wanted = wanted;
    this.#open();
  }

  /** Follow nothing: the service refuses what was wanted. */
  stop() {
    this.#wanted = undefined;
    this.#open();
    show("waiting", "nothing to follow");
  }

  get isLost() {
    return byId("strip").dataset.state === "lost";
  }

  #open() {
    clearTimeout(this.#timer);
    this.#source?.close();
    if (document.hidden || !this.#wanted) return;
    const source = (this.#source = api.live(...this.#wanted));
    const tell = (kind, detail) => this.dispatchEvent(new CustomEvent(kind, { detail }));
    source.onmessage = ({ data }) => {
      if (byId("strip").dataset.state !== "behind") show("live", "live");
      tell("board", JSON.parse(data));
    };
    source.addEventListener("status", ({ data }) => {
      showLag(JSON.parse(data));
      tell("lag");
    });
    source.onerror = () => {
      show("lost", "connection lost, retrying");
      tell("lost");
      // After a broken connection the browser tries again by itself; after a refusal it does not.
      const jitter = 0.5 + Math.random();
      if (source.readyState === source.CLOSED) this.#timer = setTimeout(() => this.#open(), RETRY * jitter);
    };
  }
}

/** Only the way in and out of trouble is spoken: the numbers change every second. */
function show(state, text) {
  const strip = byId("strip");
  const lost = strip.dataset.state === "lost";
  if (state === "lost" && !lost) say("Connection lost, retrying.");
  if (state !== "lost" && lost) say("Connected again.");
  strip.dataset.state = state;
  strip.textContent = text;
}

function showLag({ lag_records: records, lag_seconds: age }) {
  const seconds = age ? `, ${age.toFixed(1)} s` : "";
  if (records > 0) show("behind", `${count(records)} ${noun(records, "change")} behind${seconds}`);
  else show("live", records === 0 ? "live, 0 behind" : `live${seconds && `${seconds} behind`}`);
}
