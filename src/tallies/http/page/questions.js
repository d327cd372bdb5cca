// The questions about tallies, as functions. A failure is an Error whose message is a sentence.

const BASE = new URL("../", import.meta.url);
const PATIENCE = 15_000; // milliseconds
const POLL = 2_000; // milliseconds between two looks where events cannot carry a token
const TOKEN = "tallies-token";

export const signIn = (token) => sessionStorage.setItem(TOKEN, token);

export class Refusal extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

async function get(path, parameters = []) {
  const token = sessionStorage.getItem(TOKEN);
  let response;
  try {
    response = await fetch(new URL(`${path}?${new URLSearchParams(parameters)}`, BASE), {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Refusal("The service cannot be reached; try again in a moment.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw new Refusal(body?.detail ?? `The service answered ${response.status}.`, response.status);
}

const of = (name) => `tallies/${encodeURIComponent(name)}`;
const values = (group) => group.map((value) => ["group", value]);

export const health = () => get("health");
export const tallies = () => get("tallies");
export const tally = (name, group) => get(`${of(name)}/tally`, values(group));
export const history = (name, group, by) => get(`${of(name)}/history`, [...values(group), ["by", by]]);
export const leaderboard = (name, window, limit, cursor) =>
  get(`${of(name)}/leaderboards/${window}`, [["limit", limit], ...(cursor ? [["cursor", cursor]] : [])]);

/** The place of a group on a leaderboard; null where it has none. */
export const rank = (name, window, group) =>
  get(`${of(name)}/leaderboards/${window}/rank`, [...values(group), ["around", 0]]).catch((error) => {
    if (error.status === 404) return null;
    throw error;
  });

/** Hear of a leaderboard: `board(content)`, `lag(status)`, `lost()`. Returns what ends it. */
export function follow(name, window, limit, { board, lag, lost }) {
  if (sessionStorage.getItem(TOKEN)) {
    const look = async () => {
      if (document.hidden) return;
      try {
        board(await leaderboard(name, window, limit));
        lag(await health());
      } catch {
        lost();
      }
    };
    look();
    const timer = setInterval(look, POLL);
    return () => clearInterval(timer);
  }
  const source = new EventSource(new URL(`${of(name)}/leaderboards/${window}/live?limit=${limit}`, BASE));
  source.onmessage = ({ data }) => board(JSON.parse(data));
  source.addEventListener("status", ({ data }) => lag(JSON.parse(data)));
  source.onerror = lost;
  return () => source.close();
}
