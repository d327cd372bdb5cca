// Who the reader is: a name of their own choice, or the subject of a token.

const NAME = "favorites.name";
const TOKEN = "favorites.token";
const FIRST = ["brave", "calm", "eager", "gentle", "happy", "keen", "lively", "merry", "swift"];
const SECOND = ["badger", "crane", "falcon", "fox", "heron", "lynx", "otter", "panda", "seal"];

/** A browser may refuse storage: then a name lasts as long as the page. */
function stored(storage, key, value) {
  try {
    if (value === undefined) return window[storage].getItem(key);
    if (value === null) window[storage].removeItem(key);
    else window[storage].setItem(key, value);
  } catch {
    return null;
  }
}

function guestName() {
  const [a, b, c] = crypto.getRandomValues(new Uint32Array(3));
  return `${FIRST[a % 9]}-${SECOND[b % 9]}-${c.toString(36).slice(-4)}`;
}

/** The `sub` of a token, which the service checks; throws a sentence when there is none. */
function subject(token) {
  try {
    const body = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(body, (character) => character.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes));
    if (sub && typeof sub === "string") return sub;
  } catch {
    // Whatever is wrong with it, the way out is the same.
  }
  throw new Error("This is no access token that names a user; copy all of it again.");
}

/** Event: "change". */
class Me extends EventTarget {
  token = stored("sessionStorage", TOKEN);
  /** Whether the service wants a token; it says so by answering 401. */
  byToken = this.token !== null;
  /** The user's id; null while a token is wanted and there is none. */
  id = this.byToken ? subject(this.token) : (stored("localStorage", NAME) ?? guestName());

  constructor() {
    super();
    if (!this.byToken) stored("localStorage", NAME, this.id);
  }

  rename(name) {
    stored("localStorage", NAME, name);
    this.#become(name, null);
  }

  signIn(token) {
    const id = subject(token);
    stored("sessionStorage", TOKEN, token);
    this.#become(id, token);
  }

  /** The service answered 401. */
  refused() {
    const news = this.id !== null;
    this.byToken = true;
    stored("sessionStorage", TOKEN, null);
    if (news) this.#become(null, null);
  }

  #become(id, token) {
    Object.assign(this, { id, token });
    this.dispatchEvent(new Event("change"));
  }
}

export const me = new Me();
