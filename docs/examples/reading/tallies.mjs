// Reads tallies from the DynamoDB tables themselves, as docs/reading.md describes them.
import {
  BatchGetItemCommand,
  GetItemCommand,
  paginateQuery,
} from "@aws-sdk/client-dynamodb";
import Big from "big.js";

export const FORMAT = 2;

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
    this.byBuckets = kept.ranking === "buckets";
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
    const isNext = (line) =>
      !after || line.amount.lt(after.amount) || (line.amount.eq(after.amount) && byText(line.group, after.group) > 0);
    const found = this.byBuckets
      ? await this.#fromBuckets(window, limit, after, isNext)
      : await this.#fromMeasures(window, limit, after, isNext);
    found.sort((a, b) => b.amount.cmp(a.amount) || byText(a.group, b.group));
    return found.slice(0, limit);
  }

  async #fromMeasures(window, limit, after, isNext) {
    const found = [];
    for await (const { group, number: amount } of this.#index(window, this.#ranked(), limit, after)) {
      // The index has no order among equals, so all that tie with the last line are read.
      if (found.length >= limit && amount.lt(found.at(-1).amount)) break;
      if (isNext({ group, amount })) found.push({ group, amount });
    }
    return found;
  }

  async #fromBuckets(window, limit, after, isNext) {
    const lines = new Map();
    const next = () => [...lines.values()].filter(isNext);
    for await (const [bucket, groups] of this.#buckets(window, limit, after)) {
      // A bucket has no order inside, so all of it is read; those of 1, 2 and 3 rows are alike.
      const alike = this.#ranked() === this.count && bucket.lte(3);
      const rows = alike ? new Map() : await this.many(groups, [window]);
      for (const group of groups) {
        const amount = alike ? bucket : rows.get(group).get(window)[this.declared.ranked_by];
        if (!amount.eq(0) && !lines.has(group)) lines.set(group, { group, amount });
      }
      // A row that fell out of its bucket meanwhile waits for its place.
      const known = next().filter((line) => line.amount.gte(bucket));
      if (known.length >= limit) return known;
    }
    return next();
  }

  /** The buckets of a leaderboard, highest first: [bucket, groups], ... */
  async *#buckets(window, page, after) {
    let bucket;
    let groups = [];
    for await (const { group, number } of this.#index(window, "bucket", page, after)) {
      if (bucket && !number.eq(bucket)) {
        yield [bucket, groups];
        groups = [];
      }
      bucket = number;
      groups.push(group);
    }
    if (bucket) yield [bucket, groups];
  }

  /** The entries of a leaderboard's index, all of its partitions together, most first. */
  async *#index(window, by, page, after) {
    const fronts = await Promise.all(
      this.#boards(window).map(async (name) => {
        const entries = this.#entries(name, by, page, after?.amount);
        return { entries, next: await entries.next() };
      }),
    );
    for (;;) {
      const open = fronts.filter(({ next }) => !next.done);
      if (open.length === 0) return;
      const front = open.reduce((a, b) => (b.next.value.number.gt(a.next.value.number) ? b : a));
      yield front.next.value;
      front.next = await front.entries.next();
    }
  }

  #boards(window) {
    if (this.partitions === 1) return [window];
    return Array.from({ length: this.partitions }, (_, number) => `${window}#${number}`);
  }

  /** The entries of one partition, most first, those of zero left out. */
  async *#entries(name, by, page, most) {
    const least = this.#ranked() === this.count ? "1" : `-${MOST}`; // only sums can be negative
    const pages = paginateQuery(
      { client: this.client },
      {
        TableName: this.table,
        IndexName: RANKING,
        KeyConditionExpression: "ranking = :name AND #by BETWEEN :least AND :most",
        ExpressionAttributeNames: { "#by": by },
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
        const number = Big(item[by].N);
        if (!number.eq(0)) yield { group: item.group.S, number };
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
