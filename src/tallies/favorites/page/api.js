// The service, as functions. A failure is a Refusal whose message is a sentence for people.

import { me } from "./me.js";

const BASE = new URL("../", import.meta.url);
const PATIENCE = 15_000; // milliseconds
const NAMES = 20; // ids in one request: with the longest ids allowed, its line stays under 64 KB

export class Refusal extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** An id as a segment of a path. Half a surrogate pair is no text: it becomes U+FFFD. */
export const encode = (id) => encodeURIComponent(id.toWellFormed?.() ?? id);

function segment(id) {
  // Browsers resolve these away, in whatever way they are written.
  if (id === "." || id === "..") throw new Refusal(`A web address cannot carry the id “${id}”.`);
  return encode(id);
}

async function call(path, method = "GET") {
  const headers = me.token ? { Authorization: `Bearer ${me.token}` } : {};
  let response;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const keepalive = method !== "GET"; // a mark is made even if the page is closed right after
    response = await fetch(new URL(path, BASE), { method, headers, signal, keepalive });
  } catch {
    throw new Refusal("The service cannot be reached; try again in a moment.");
  }
  if (response.status === 401) me.refused();
  const body = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.ok) return body;
  throw new Refusal(body?.detail ?? `The service answered ${response.status}.`, response.status);
}

const page = (path, limit, cursor) =>
  call(`${path}?limit=${limit}${cursor ? `&cursor=${encode(cursor)}` : ""}`);
const favorite = (user, id) => `users/${segment(user)}/favorites/${segment(id)}`;

export const health = () => call("health");
export const mark = async (user, id) => call(favorite(user, id), "PUT");
export const unmark = async (user, id) => call(favorite(user, id), "DELETE");
export const favoritesOf = async (user, limit, cursor) =>
  page(`users/${segment(user)}/favorites`, limit, cursor);
export const leaderboard = (window, limit, cursor) => page(`leaderboards/${window}`, limit, cursor);
export const live = (window, limit) =>
  new EventSource(new URL(`leaderboards/${window}/live?limit=${limit}`, BASE));
export const tally = async (id) => call(`restaurants/${segment(id)}/tally`);
export const history = async (id, by) => call(`restaurants/${segment(id)}/history?by=${by}`);
export const search = (query, limit) => call(`restaurants?query=${encode(query)}&limit=${limit}`);

/** Names and cuisines of many restaurants: pairs of id and `{name, cuisine}`, unknown left out. */
export async function names(ids) {
  const parts = [];
  for (let at = 0; at < ids.length; at += NAMES) {
    const part = ids.slice(at, at + NAMES).map((id) => `id=${encode(id)}`);
    parts.push(call(`names?${part.join("&")}`));
  }
  return (await Promise.all(parts)).flatMap(Object.entries);
}
