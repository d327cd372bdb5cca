// The dialog that asks who the reader is: by a name, or by a token where the service wants one.

import { byId } from "./dom.js";
import { me } from "./me.js";

export function ask() {
  const token = me.byToken;
  const field = byId("ask-value");
  byId("ask-title").textContent = token ? "Sign in" : "Who are you?";
  byId("ask-why").textContent = token
    ? "Paste the access token that your provider gave you. It is forgotten when this tab is closed."
    : "Your favorites are kept under this name. All who use it share them.";
  byId("ask-label").textContent = token ? "Access token" : "Your name";
  byId("ask-error").textContent = "";
  field.type = token ? "password" : "text";
  field.value = token ? "" : me.id;
  byId("ask").showModal();
  field.select();
}

byId("ask-cancel").addEventListener("click", () => byId("ask").close());
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = byId("ask-value").value.trim();
  try {
    if (me.byToken) me.signIn(value);
    else me.rename(value);
    byId("ask").close();
  } catch (error) {
    byId("ask-error").textContent = error.message;
  }
});
