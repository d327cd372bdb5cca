"""What the tallies of a record cost in write units, beside the least that they can cost.

Counted from the requests that the apply really makes; nothing is sent. DynamoDB charges a write
unit for each kilobyte of an item that is written, twice that inside a transaction, and for a row
whose place in an index changes two more, an entry removed and one put. (Whether those are doubled
too inside a transaction is not documented. They are counted once, which leaves the guard's share
the largest that it can be.)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from benchmarks.result import Bound, Result, Run
from benchmarks.workload import marks
from tallies.core.fold import Folder
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.apply import ApplyResult, GuardedApply
from tallies.stores.dynamodb.keys import TableNames
from tallies.stores.dynamodb.stream import StreamRecord, from_event

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


def run(run: Run) -> Iterator[Result]:
    """The bound is on the guard by position; markers and the naive loop are told."""
    count = run.pick(50_000, 20_000)
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


def stream_records(count: int) -> Iterator[StreamRecord]:
    """Marks as the stream delivers them."""
    number = 10**24
    for event in marks(count, days=1):
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
    deadline = monotonic() + PATIENCE_SECONDS
    for some in _cut(records, batch):
        result: ApplyResult = (
            apply.apply_shard("shard", some, deadline)
            if by_position
            else apply.apply_marked(some, deadline)
        )
        if result.records != len(some):
            raise RuntimeError(f"{result} for {len(some)} records")
    return meter.units


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


def _cut(records: Sequence[StreamRecord], size: int) -> Iterator[Sequence[StreamRecord]]:
    return (records[first : first + size] for first in range(0, len(records), size))


def _kilobytes(*parts: Mapping[str, Any]) -> float:
    return sum(map(_bytes, parts)) / 1024


def _bytes(part: Mapping[str, Any]) -> int:
    texts: Iterable[str] = (text for value in part.values() for text in value.values())
    return sum(len(name) for name in part) + sum(len(text.encode()) for text in texts)
