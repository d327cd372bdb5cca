// Amounts in words: of favorites, and of those that weigh less the older they are.

import { count, noun } from "./format.js";

const tenths = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const favorites = (n) => `${count(n)} ${noun(n, "favorite")}`;
export const points = (n) => `${tenths.format(n)} points`;
