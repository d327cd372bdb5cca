// Who the reader is: a name of their own choice, or the subject of a token.

const NAME = "favorites.name";
const TOKEN = "favorites.token";
const FIRST = ["brave", "calm", "eager", "gentle", "happy", "keen", "lively", "merry", "swift"];
const SECOND = ["badger", "crane", "falcon", "fox", "heron", "lynx", "otter", "panda", "seal"];

function guestName() {
  const [a, b, c] = crypto.getRandomValues(new Uint32Array(3));
  return `${FIRST[a % 9]}-${SECOND[b % 9]}-${c.toString(36).slice(-4)}`;
}

/** The `sub` of a token, which the service checks; throws a sentence when there is none. */
function subject(token) {
  try {
    const body = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(body, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)).sub;
  } catch {
    throw new Error("This is no access token; copy all of it again.");
  }
}

/** Event: "change". */
class Me extends EventTarget {
  token = sessionStorage.getItem(TOKEN);
  /** Whether the service wants a token; it says so by answering 401. */
  byToken = this.token !== null;
  /** The user's id; null while a token is wanted and there is none. */
  id = this.byToken ? subject(this.token) : (localStorage.getItem(NAME) ?? guestName());

  constructor() {
    super();
    if (!this.byToken) localStorage.setItem(NAME, this.id);
  }

  rename(name) {
    localStorage.setItem(NAME, name);
    this.#become(name, null);
  }

  signIn(token) {
    const id = subject(token);
    sessionStorage.setItem(TOKEN, token);
    this.#become(id, token);
  }

  /** The service answered 401. */
  refused() {
    const news = this.id !== null;
    this.byToken = true;
    sessionStorage.removeItem(TOKEN);
    if (news) this.#become(null, null);
  }

  #become(id, token) {
    Object.assign(this, { id, token });
    this.dispatchEvent(new Event("change"));
  }
}

export const me = new Me();
