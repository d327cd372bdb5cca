// Answers each line on standard input, questions to one account as JSON, by what
// docs/examples/reading reads.
import { createInterface } from "node:readline";
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

const answers = async ({ accessKeyId, questions }) => {
  const credentials = { accessKeyId, secretAccessKey: "local" };
  const kept = await tallies(new DynamoDBClient({ credentials }), process.argv[2]);
  const found = [];
  for (const [name, what, ...given] of questions) {
    if (what === "names") found.push(Object.keys(kept));
    else if (what === "groupText") found.push(groupText(...given));
    else if (what === "groupValues") found.push(groupValues(...given));
    else found.push(plain(await kept[name][what](...given)));
  }
  return found;
};

for await (const line of createInterface({ input: process.stdin })) {
  const said = await answers(JSON.parse(line)).then(
    (found) => ({ found }),
    (error) => ({ refused: String(error) }),
  );
  console.log(JSON.stringify(said));
}
