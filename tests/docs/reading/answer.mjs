// Answers questions, a list as JSON on standard input, by what docs/examples/reading reads.
import { readFileSync } from "node:fs";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import Big from "big.js";
import { groupText, groupValues, tallies } from "./tallies.mjs";

const plain = (value) => {
  if (value instanceof Big) return value.toFixed();
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
  }
  return value;
};

const kept = await tallies(new DynamoDBClient(), process.argv[2]);
const answers = [];
for (const [name, what, ...given] of JSON.parse(readFileSync(0, "utf8"))) {
  if (what === "names") answers.push(Object.keys(kept));
  else if (what === "groupText") answers.push(groupText(...given));
  else if (what === "groupValues") answers.push(groupValues(...given));
  else answers.push(plain(await kept[name][what](...given)));
}
console.log(JSON.stringify(answers));
