// The service, as functions. A failure is a Refusal whose message is a sentence for people.

import { me } from "./me.js";

const BASE = new URL("../", import.meta.url);
const PATIENCE = 15_000; // milliseconds
const LINE = 4_000; // characters of ids in an address; proxies take some 8,000 in all
const LINE_IDS = 100;
const BODY_IDS = 1_000;
const WINDOWS = "window=all&window=month&window=day";

export class Refusal extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** An id as a part of an address. Half a surrogate pair is no text: it becomes U+FFFD. */
export const encode = (id) => encodeURIComponent(id.toWellFormed?.() ?? id);

function segment(id) {
  // Browsers resolve these away, in whatever way they are written.
  if (id === "." || id === "..") throw new Refusal(`A web address cannot carry the id “${id}”.`);
  return encode(id);
}

async function call(path, method = "GET", content) {
  const headers = me.token ? { Authorization: `Bearer ${me.token}` } : {};
  if (content) headers["Content-Type"] = "application/json";
  let response;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const body = content && JSON.stringify(content);
    const keepalive = !content && method !== "GET"; // a mark is made even if the page is closed right after
    response = await fetch(new URL(path, BASE), { method, headers, body, signal, keepalive });
  } catch {
    throw new Refusal("The service cannot be reached; try again in a moment.");
  }
  if (response.status === 401) me.refused();
  const body = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.ok) return body;
  throw new Refusal(body?.detail ?? `The service answered ${response.status}.`, response.status);
}

/** Ask about as many ids at a time as an address takes, and put the lists of answers together. */
async function inParts(ids, ask) {
  const terms = ids.map((id) => `id=${encode(id)}`);
  const fit = Math.floor(LINE / Math.max(...terms.map((term) => term.length + 1)));
  const size = Math.max(1, Math.min(fit, LINE_IDS));
  const parts = [];
  for (let at = 0; at < ids.length; at += size) parts.push(ask(terms.slice(at, at + size).join("&")));
  return (await Promise.all(parts)).flat();
}

const page = (path, limit, cursor) =>
  call(`${path}?limit=${limit}${cursor ? `&cursor=${encode(cursor)}` : ""}`);
const favorites = (user) => `users/${segment(user)}/favorites`;
const favorite = (user, id) => `${favorites(user)}/${segment(id)}`;

export const health = () => call("health");
export const mark = async (user, id) => call(favorite(user, id), "PUT");
export const unmark = async (user, id) => call(favorite(user, id), "DELETE");
export const favoritesOf = async (user, limit, cursor) => page(favorites(user), limit, cursor);
/** Those of these restaurants that are the user's favorites. */
export const favoritesAmong = (user, ids) =>
  inParts(ids, async (line) => (await call(`${favorites(user)}?${line}`)).items);
/** Counts of restaurants: of all time, this month, today. Caches share them among readers. */
export const tallies = (ids) =>
  inParts(ids, async (line) => (await call(`restaurants/tallies?${WINDOWS}&${line}`)).items);
export const leaderboard = (window, limit, cursor) => page(`leaderboards/${window}`, limit, cursor);
export const among = (window, ids) => call(`leaderboards/${window}`, "POST", { among: ids });
export const rank = async (window, id) => call(`leaderboards/${window}/ranks/${segment(id)}?around=1`);
export const live = (window, limit) =>
  new EventSource(new URL(`leaderboards/${window}/live?limit=${limit}`, BASE));
export const history = async (id, by) => call(`restaurants/${segment(id)}/history?by=${by}`);
export const search = (query, limit) => call(`restaurants?query=${encode(query)}&limit=${limit}`);
export const cuisines = () => call("cuisines");
/** The restaurants of a cuisine, as many as can be asked about at once. */
export const ofCuisine = (cuisine) => call(`restaurants?cuisine=${encode(cuisine)}&limit=${BODY_IDS}`);

/** Names and cuisines of many restaurants: pairs of id and `{name, cuisine}`, unknown left out. */
export const names = (ids) => inParts(ids, async (line) => Object.entries(await call(`names?${line}`)));
