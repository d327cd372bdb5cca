"""What the tallies of a record cost in write units, beside the least that they can cost.

Counted from the requests that the apply really makes; nothing is sent. DynamoDB charges a write
unit for each kilobyte of an item that is written, twice that inside a transaction, and for a row
whose place in an index changes two more, an entry removed and one put. (Whether those are doubled
too inside a transaction is not documented. They are counted once, which leaves the guard's share
the largest that it can be.)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import RESTAURANTS, marks
from tallies.core.fold import Folder
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.apply import buckets
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.rows.keys import TableNames, is_reserved
from tallies.stores.dynamodb.stream.records import StreamRecord, from_event
from tallies.stores.dynamodb.stream.stream import Shard
from tallies.stores.layout import Layout
from tests.histories.fake import FakeDynamoDB

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCHES = (1, 10, 100, 1_000, 10_000)
IN_TRANSACTION = 2
"""Units of a write there, for one elsewhere."""
INDEX_UNITS = 2
"""Units of a row's move in an index."""
ROWS_OF_A_TRANSACTION = 99
"""Beside the guard."""
PATIENCE_SECONDS = 3_600


class Meter:
    """Stands where the client does, says yes, and counts what the service would charge."""

    meta = None

    def __init__(self) -> None:
        self.units = 0

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        for action in request["TransactItems"]:
            ((_, write),) = action.items()
            self._count(write, IN_TRANSACTION)
        return {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._count(request, 1)
        return {}

    def _count(self, write: Mapping[str, Any], times: int) -> None:
        values = write.get("ExpressionAttributeValues", {})
        item = write.get("Item", write.get("Key", {}))
        self.units += times * ceil(_kilobytes(item, values))
        if ":ranking" in values:
            self.units += INDEX_UNITS


class BucketMeter:
    """As `Meter`, for leaderboards by buckets: remembers the rows, since it hangs on them whether
    an entry of the index moves."""

    meta = None

    def __init__(self) -> None:
        self.units = 0
        self.reads = 0
        self.entered = 0
        """Rows that came into the index."""
        self.moved = 0
        """Rows that went to another bucket, each by a write of its own."""
        self.least = 0
        """What could not be spared if each row's own write knew its bucket."""
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        for action in request["TransactItems"]:
            ((_, write),) = action.items()
            values = write.get("ExpressionAttributeValues", {})
            units = IN_TRANSACTION * ceil(_kilobytes(write.get("Key", {}), values))
            self.units += units
            self.least += units
            if ":bucket" in values:
                self._add(write["Key"], values)
        return {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        values = request["ExpressionAttributeValues"]
        self.units += ceil(_kilobytes(request["Key"], values))
        if ":bucket" in values:
            self._rows[_place(request["Key"])]["bucket"] = values[":bucket"]
            self.units += INDEX_UNITS
            self.least += INDEX_UNITS
            self.moved += 1
        return {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        ((table, asked),) = request["RequestItems"].items()
        self.reads += len(asked["Keys"])
        found = [self._rows[_place(key)] for key in asked["Keys"]]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _add(self, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        row = self._rows.get(_place(key))
        if row is None:
            row = self._rows[_place(key)] = {
                **key,
                "ranking": values[":ranking"],
                "bucket": values[":bucket"],
                "favorites": {"N": "0"},
            }
            self.units += 1
            self.least += 1
            self.entered += 1
        row["favorites"] = {"N": str(int(row["favorites"]["N"]) + int(values[":0"]["N"]))}


class RowMeter(FakeDynamoDB):
    """Units of rows that hold their own positions, and of their index: a new entry takes one, one
    that moves two."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.units = 0
        self.least = 0
        """What could not be spared: each row once, and what moves in the index."""
        self.reads = 0
        self.others = 0
        """Units of what is not a row."""

    def get_item(self, **request: Any) -> dict[str, Any]:
        self.reads += 1
        return super().get_item(**request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        place = _place(request["Key"])
        if is_reserved(place[0]):
            self.others += 1
            return super().update_item(**request)
        before = self.tables.get(request["TableName"], {}).get(place)
        self.units += 1  # refused or not
        answer = super().update_item(**request)
        after = self.tables[request["TableName"]][place]
        moved = 0
        if "bucket" in after:
            moved = 1 if before is None else INDEX_UNITS * (before["bucket"] != after["bucket"])
        self.units += moved
        self.least += moved + (":0" in request["ExpressionAttributeValues"])
        return answer


def run(run: Run) -> Iterator[Result]:
    """The bound is on the guard by position; markers and the naive loop are told."""
    count = run.pick(50_000, 20_000, usual=25_000)
    records = list(stream_records(count))
    naive = _naive_units(records[:1_000]) / 1_000
    for batch in BATCHES:
        some = records[: min(count, batch * 200)]  # two hundred batches say as much as all
        least = _least_units(some, batch) / len(some)
        ours = _units(some, batch, by_position=True) / len(some)
        what = f"write units a record, batches of {batch:,}"
        yield Result(what, "units", ours, "least", least, ours / least, Bound("<=", 1.05))
        yield Result(what, "units", ours, "no fold, no guard", naive, ours / naive)
        marked = _units(some, batch, by_position=False) / len(some)
        yield Result(f"{what}, markers", "units", marked, "least", least, marked / least)
        meter = by_buckets(some, batch)
        each, at_least = meter.units / len(some), meter.least / len(some)
        what = f"{what}, ranked by buckets"
        yield Result(what, "units", each, "least", at_least, each / at_least)
        yield Result(what, "units", each, "ranked by measure", ours, each / ours)
        default = in_rows(some, batch, Layout(ranking="buckets", guard="rows"))
        each, at_least = default.units / len(some), default.least / len(some)
        what = f"{what}, rows that hold their positions"
        yield Result(what, "units", each, "least", at_least, each / at_least, Bound("<=", 1.05))
        yield Result(what, "units", each, "no fold, no guard", naive, each / naive)
    yield _of_the_seed_load(run.pick(4, 1), naive)


def _of_the_seed_load(days: int, naive: float) -> Result:
    """7,000 marks a day of 1,000 restaurants, each a batch, from an empty store on."""
    records = list(stream_records(7_000 * days, days, 1_000))
    units = in_rows(records, 1, Layout(ranking="buckets", guard="rows")).units / len(records)
    what = f"write units a record one by one, {days} days of 7,000 records"
    bound = Bound("<=", 5 / naive)
    return Result(what, "units", units, "no fold, no guard", naive, units / naive, bound)


def stream_records(
    count: int, days: float = 1, restaurants: int = RESTAURANTS
) -> Iterator[StreamRecord]:
    """Marks as the stream delivers them."""
    number = 10**24
    for event in marks(count, days=days, restaurants=restaurants):
        image = {
            "pk": {"S": f"{event.restaurant_id}#{event.user_id}"},
            "restaurant_id": {"S": event.restaurant_id},
            "user_id": {"S": event.user_id},
            "created_at": {"S": event.created_at},
        }
        number += 1
        yield from_event(
            {
                "eventID": f"{number:032x}",
                "eventName": "INSERT",
                "dynamodb": {"SequenceNumber": str(number), "NewImage": image},
            }
        )


def _units(records: Sequence[StreamRecord], batch: int, *, by_position: bool) -> int:
    meter = Meter()
    client = cast("DynamoDBClient", meter)
    apply = GuardedApply(client, TableNames.of("bench", "bench-favorites"), [Folder(FAVORITES)])
    _apply(
        partial(apply.apply_shard, "shard") if by_position else apply.apply_marked, records, batch
    )
    return meter.units


def by_buckets(records: Sequence[StreamRecord], batch: int) -> BucketMeter:
    """What records cost in a store whose leaderboards are ordered by buckets, from none on."""
    meter = BucketMeter()
    names = replace(
        TableNames.of("bench", "bench-favorites"),
        layouts={FAVORITES.name: Layout(ranking="buckets")},
    )
    apply = GuardedApply(cast("DynamoDBClient", meter), names, [Folder(FAVORITES)])
    with patch.object(buckets, "at_once", lambda ask, things: [ask(each) for each in things]):
        _apply(partial(apply.apply_shard, "shard"), records, batch)
    return meter


def in_rows(records: Sequence[StreamRecord], batch: int, layout: Layout) -> RowMeter:
    """What records cost in a store whose rows hold their own positions, from none on."""
    meter = RowMeter()
    names = replace(TableNames.of("bench", "bench-favorites"), layouts={FAVORITES.name: layout})
    shard = Shard("shard", None, "", None)
    client = cast("DynamoDBClient", meter)
    apply = GuardedApply(client, names, [Folder(FAVORITES)], shards=lambda: [shard])
    _apply(partial(apply.apply_shard, "shard"), records, batch)
    return meter


def _apply(
    apply: Callable[[Sequence[StreamRecord], float], ApplyResult],
    records: Sequence[StreamRecord],
    batch: int,
) -> None:
    """Apply records batch by batch, each of which must be new."""
    deadline = monotonic() + PATIENCE_SECONDS
    for some in _cut(records, batch):
        result = apply(some, deadline)
        if result.records != len(some):
            raise RuntimeError(f"{result} for {len(some)} records")


def _least_units(records: Sequence[StreamRecord], batch: int) -> int:
    """Each row that a batch touches once, in a transaction, and a guard in each of the fewest."""
    units = 0
    for some in _cut(records, batch):
        rows = len({row for record in some for row in _rows(record)})
        units += rows * (IN_TRANSACTION + INDEX_UNITS)
        units += ceil(rows / ROWS_OF_A_TRANSACTION) * IN_TRANSACTION
    return units


def _naive_units(records: Sequence[StreamRecord]) -> int:
    """An update of every row for every record, outside of any transaction: cheap, and wrong when
    a record is delivered again."""
    return sum(len(_rows(record)) * (1 + INDEX_UNITS) for record in records)


def _rows(record: StreamRecord) -> list[tuple[str, str]]:
    image = record.change.new or {}
    restaurant, time = image["restaurant_id"], image["created_at"]
    return [(restaurant, "all"), (restaurant, time[:7]), (restaurant, time[:10])]


def _place(key: Mapping[str, Any]) -> tuple[str, str]:
    return key["group"]["S"], key["time_window"]["S"]


def _cut(records: Sequence[StreamRecord], size: int) -> Iterator[Sequence[StreamRecord]]:
    return (records[first : first + size] for first in range(0, len(records), size))


def _kilobytes(*parts: Mapping[str, Any]) -> float:
    return sum(map(_bytes, parts)) / 1024


def _bytes(part: Mapping[str, Any]) -> int:
    texts: Iterable[str] = (text for value in part.values() for text in value.values())
    return sum(len(name) for name in part) + sum(len(text.encode()) for text in texts)
