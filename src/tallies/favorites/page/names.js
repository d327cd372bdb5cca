// What restaurants are called. One that nobody named is called by its id.

import * as api from "./api.js";

const known = new Map();

export const learn = (id, restaurant) => known.set(id, restaurant);
export const nameOf = (id) => known.get(id)?.name ?? id;
export const cuisineOf = (id) => known.get(id)?.cuisine ?? "";

/** Wait until the names of these ids are known, as far as the service knows them. */
export async function knowNames(ids) {
  const missing = ids.filter((id) => !known.has(id));
  if (!missing.length) return;
  try {
    const found = new Map(await api.names(missing));
    for (const id of missing) learn(id, found.get(id));
  } catch {
    // Ids serve as names until the next list asks again.
  }
}
