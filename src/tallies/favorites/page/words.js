// Amounts of favorites in words.

import { count, noun } from "./format.js";

export const favorites = (n) => `${count(n)} ${noun(n, "favorite")}`;
