// node top.mjs TABLE WINDOW: the first ten of the first tally's leaderboard.
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { groupValues, tallies } from "./tallies.mjs";

const [table, window] = process.argv.slice(2);
const [tally] = Object.values(await tallies(new DynamoDBClient(), table));
for (const { group, amount } of await tally.leaderboard(window, 10)) {
  console.log(amount.toFixed(), ...groupValues(group, tally.declared.group_by.length));
}
