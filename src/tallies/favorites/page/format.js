// Numbers, windows and moments as people read them. The tallies keep UTC; so do their labels.

const LOCALE = "en-GB";
const numbers = new Intl.NumberFormat(LOCALE);
const moments = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const dates = (options) => new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", ...options });

/** A window's name by one of two forms: of "2026-11", and of "2026-11-23". */
const windows = (month, day) => {
  const forms = { 7: dates(month), 10: dates(day) };
  return (name) => forms[name.length]?.format(new Date(name)) ?? "All time";
};

export const count = (n) => numbers.format(n);
export const noun = (n, one, many = `${one}s`) => (n === 1 ? one : many);
export const favorites = (n) => `${count(n)} ${noun(n, "favorite")}`;
export const when = (iso) => moments.format(new Date(iso));
export const windowTitle = windows(
  { month: "long", year: "numeric" },
  { weekday: "short", day: "numeric", month: "long" },
);
export const windowTick = windows({ month: "short" }, { day: "numeric", month: "short" });
