// Numbers, windows and moments as people read them. The tallies keep UTC; so do their labels.

const LOCALE = "en-GB";
const numbers = new Intl.NumberFormat(LOCALE);
const moments = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const dates = (options) => new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", ...options });

const days = dates({ dateStyle: "medium" });

/** From one day to another, by a name like "2026-11-01..2026-11-15". */
const span = (name) => days.formatRange(...name.split("..").map((day) => new Date(day)));

/** A window's name by one of three forms: of "2026-11", "2026-11-23" and "2026-11-23T14". */
const windows = (month, day, hour) => {
  const forms = { 7: dates(month), 10: dates(day), 13: dates(hour) };
  const written = (name) => new Date(name.length === 13 ? `${name}:00Z` : name);
  return (name) => {
    if (name === "all") return "All time";
    if (name === "trending") return "Trending";
    return name.length === 22 ? span(name) : (forms[name.length]?.format(written(name)) ?? name);
  };
};

export const count = (n) => numbers.format(n);
export const noun = (n, one, many = `${one}s`) => (n === 1 ? one : many);
export const when = (iso) => moments.format(new Date(iso));
export const windowTitle = windows(
  { month: "long", year: "numeric" },
  { weekday: "short", day: "numeric", month: "long" },
  { weekday: "short", day: "numeric", month: "long", hour: "2-digit" },
);
export const windowTick = windows(
  { month: "short" },
  { day: "numeric", month: "short" },
  { hour: "2-digit" },
);
