// Reads tallies from the DynamoDB tables themselves, as docs/reading.md describes them.
import {
  BatchGetItemCommand,
  GetItemCommand,
  paginateQuery,
} from "@aws-sdk/client-dynamodb";
import Big from "big.js";

export const FORMAT = 1;

const RANKING = "ranking";
const KEYS_A_CALL = 100; // of BatchGetItem
const MOST = "9".repeat(38);
const SHAPES = {
  year: /^\d{4}$/,
  month: /^\d{4}-\d\d$/,
  week: /^\d{4}-W\d\d$/,
  day: /^\d{4}-\d\d-\d\d$/,
  hour: /^\d{4}-\d\d-\d\dT\d\d$/,
};

/** The tallies of a store by their names; `table` is its first table, PREFIX-tallies. */
export async function tallies(client, table) {
  const { Item: settings } = await client.send(
    new GetItemCommand({
      TableName: table,
      Key: { group: { S: "\u001fsettings" }, time_window: { S: "-" } },
    }),
  );
  if (!settings?.format) throw new Error(`${table} does not say yet what it tallies`);
  if (Number(settings.format.N) > FORMAT) {
    throw new Error(`${table} is of format ${settings.format.N}, and this program knows ${FORMAT}`);
  }
  return Object.fromEntries(
    JSON.parse(settings.live.S).map((kept) => [kept.name, new Tally(client, kept)]),
  );
}

/** The text that names a group in the table, from the values that make it. */
export function groupText(...values) {
  const texts = values.map(String);
  if (texts.length === 0) return "total";
  if (texts.length === 1) return texts[0];
  return texts.map((text) => text.replaceAll("%", "%25").replaceAll("#", "%23")).join("#");
}

/** The values that make a group, from its text; the tally groups by so many. */
export function groupValues(text, count) {
  if (count < 2) return count ? [text] : [];
  return text.split("#").map((part) => part.replaceAll("%23", "#").replaceAll("%25", "%"));
}

class Tally {
  constructor(client, kept) {
    this.client = client;
    this.table = kept.table;
    this.partitions = kept.ranking_shards;
    this.declared = kept.tally;
    const measures = Object.entries(kept.tally.measures);
    // The attribute that counts rows, and for each value that is summed the attribute of its sum.
    this.count = measures.find(([, measure]) => measure === "count")?.[0] ?? "rows";
    this.sums = new Map();
    for (const [name, { sum }] of measures) {
      const value = JSON.stringify(sum);
      if (sum && !this.sums.has(value)) this.sums.set(value, name);
    }
    for (const [name, { average }] of measures) {
      const value = JSON.stringify(average);
      if (average && !this.sums.has(value)) this.sums.set(value, `${name}_sum`);
    }
  }

  /** All windows of a group that have something: [[window, measures], ...]. */
  windows(group) {
    return this.#rows("#group = :group", { ":group": { S: group } });
  }

  /** The windows of one kind from the first to the last, those without rows left out. */
  async history(group, kind, first, last) {
    const found = await this.#rows("#group = :group AND time_window BETWEEN :first AND :last", {
      ":group": { S: group },
      ":first": { S: first },
      ":last": { S: last },
    });
    return found.filter(([window]) => SHAPES[kind].test(window));
  }

  /** The measures of many groups in some windows: a Map by group of Maps by window. */
  async many(groups, windows) {
    const found = new Map(
      groups.map((group) => [group, new Map(windows.map((each) => [each, this.#measures({})]))]),
    );
    let keys = [...found].flatMap(([group, its]) =>
      [...its.keys()].map((window) => ({ group: { S: group }, time_window: { S: window } })),
    );
    while (keys.length > 0) {
      const answer = await this.client.send(
        new BatchGetItemCommand({
          RequestItems: { [this.table]: { Keys: keys.slice(0, KEYS_A_CALL), ConsistentRead: true } },
        }),
      );
      for (const item of answer.Responses[this.table]) {
        found.get(item.group.S).set(item.time_window.S, this.#measures(item));
      }
      const left = answer.UnprocessedKeys?.[this.table]?.Keys ?? [];
      keys = [...left, ...keys.slice(KEYS_A_CALL)];
    }
    return found;
  }

  /** The first lines of a leaderboard, or those after a line: [{ group, amount }, ...]. */
  async leaderboard(window, limit, after) {
    const fronts = await Promise.all(
      this.#boards(window).map(async (name) => {
        const lines = this.#lines(name, limit, after?.amount);
        return { lines, next: await lines.next() };
      }),
    );
    const found = [];
    for (;;) {
      const open = fronts.filter(({ next }) => !next.done);
      if (open.length === 0) break;
      const front = open.reduce((a, b) => (b.next.value.amount.gt(a.next.value.amount) ? b : a));
      const line = front.next.value;
      // The index has no order among equals, so all that tie with the last line are read.
      if (found.length >= limit && line.amount.lt(found.at(-1).amount)) break;
      if (!after || line.amount.lt(after.amount) || byText(line.group, after.group) > 0) {
        found.push(line);
      }
      front.next = await front.lines.next();
    }
    found.sort((a, b) => b.amount.cmp(a.amount) || byText(a.group, b.group));
    return found.slice(0, limit);
  }

  #boards(window) {
    if (this.partitions === 1) return [window];
    return Array.from({ length: this.partitions }, (_, number) => `${window}#${number}`);
  }

  /** The lines of one partition of a leaderboard, most first. */
  async *#lines(name, page, most) {
    const ranked = this.#ranked();
    const least = ranked === this.count ? "1" : `-${MOST}`; // only sums can be negative
    const pages = paginateQuery(
      { client: this.client },
      {
        TableName: this.table,
        IndexName: RANKING,
        KeyConditionExpression: "ranking = :name AND #ranked BETWEEN :least AND :most",
        ExpressionAttributeNames: { "#ranked": ranked },
        ExpressionAttributeValues: {
          ":name": { S: name },
          ":least": { N: least },
          ":most": { N: most === undefined ? MOST : Big(most).toFixed() },
        },
        ScanIndexForward: false,
        Limit: page,
      },
    );
    for await (const { Items } of pages) {
      for (const item of Items) {
        const amount = Big(item[ranked].N);
        if (!amount.eq(0)) yield { group: item.group.S, amount };
      }
    }
  }

  /** The attribute that leaderboards order by. */
  #ranked() {
    const measure = this.declared.measures[this.declared.ranked_by];
    return measure === "count" ? this.count : this.sums.get(JSON.stringify(measure.sum));
  }

  async #rows(condition, values) {
    const pages = paginateQuery(
      { client: this.client },
      {
        TableName: this.table,
        KeyConditionExpression: condition,
        ExpressionAttributeNames: { "#group": "group" },
        ExpressionAttributeValues: values,
        ConsistentRead: true,
      },
    );
    const found = [];
    for await (const { Items } of pages) {
      for (const item of Items) {
        // A row whose numbers are all zero says the same as no row.
        const stored = [this.count, ...this.sums.values()];
        if (stored.some((name) => !number(item, name).eq(0))) {
          found.push([item.time_window.S, this.#measures(item)]);
        }
      }
    }
    return found;
  }

  /** The declared measures from a row's numbers. */
  #measures(item) {
    const rows = number(item, this.count);
    const sum = (value) => number(item, this.sums.get(JSON.stringify(value)));
    return Object.fromEntries(
      Object.entries(this.declared.measures).map(([name, measure]) => {
        if (measure === "count") return [name, rows];
        if (measure.sum) return [name, sum(measure.sum)];
        return [name, rows.eq(0) ? Big(0) : sum(measure.average).div(rows)];
      }),
    );
  }
}

/** A number of a row, with all of its digits. */
function number(item, name) {
  return Big(item[name]?.N ?? "0");
}

/** The order of DynamoDB: by the bytes of UTF-8, which is by code points. */
function byText(one, other) {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
