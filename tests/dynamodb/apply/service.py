"""Orders, and a database in memory that batches of their changes are applied to."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, cast

from tallies.core.fold import Folder
from tallies.core.tally import Count, Sum, Tally
from tallies.core.windows import Window
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.rows.keys import TableNames, is_reserved
from tallies.stores.dynamodb.stream.records import StreamRecord, from_event
from tests.histories.fake import FakeDynamoDB
from tests.histories.faults import Network, SimulatedTime
from tests.histories.source import wire

NOW = datetime(2082, 11, 23, 14, 5, tzinfo=UTC)
SHARD = "shard-1"
ORDERS = Tally(
    name="orders",
    group_by="shop",
    measures={"orders": Count(), "revenue": Sum("amount")},
    windows=(Window.ALL, Window.HOUR),
    time="at",
    retention={Window.HOUR: timedelta(hours=1)},
)
_numbers = count(10**24)


def record(
    old: dict[str, Any] | None = None, new: dict[str, Any] | None = None, **more: Any
) -> StreamRecord:
    number = next(_numbers)
    data: dict[str, Any] = {"SequenceNumber": str(number)}
    if old is not None:
        data["OldImage"] = wire(old)
    if new is not None:
        data["NewImage"] = wire(new)
    kind = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    return from_event({"eventID": f"{number:x}", "eventName": kind, "dynamodb": data, **more})


def order(shop: str = "noodles", amount: Any = 5, at: str = "2082-11-23T14:00:00Z") -> Any:
    return {"shop": shop, "amount": amount, "at": at}


class Service:
    """A database, and a way to apply batches to it."""

    def __init__(self, mode: str, max_actions: int = 100) -> None:
        self.mode = mode
        self.time = SimulatedTime(NOW.timestamp())
        self.database = FakeDynamoDB(self.time.monotonic)
        self.network = Network(self.database, Random(1), self.time, {})
        self.folders = [Folder(ORDERS)]
        self.tables = TableNames("rows", "tallies")
        self.max_actions = max_actions

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time.seconds, UTC)

    def apply(self, records: Sequence[StreamRecord], seconds: float = 60) -> ApplyResult:
        client = cast("Any", self.network.client("client"))
        apply = GuardedApply(
            client,
            self.tables,
            self.folders,
            clock=self.now,
            sender=Sender(client, self.time.monotonic, self.time.sleep),
            max_actions=self.max_actions,
        )
        deadline = self.time.seconds + seconds
        if self.mode == "shard":
            return apply.apply_shard(SHARD, records, deadline)
        return apply.apply_marked(records, deadline)

    def rows(self) -> dict[tuple[str, str], tuple[str, str]]:
        return {
            key: (item["orders"]["N"], item["revenue"]["N"])
            for key, item in self.database.tables.get("tallies", {}).items()
            if not is_reserved(key[0])
        }

    def parked(self) -> Parked:
        client = cast("Any", self.database)
        sender = Sender(client, self.time.monotonic, self.time.sleep)
        writer = Writer(self.tables, self.folders)
        return Parked(client, "tallies", self.folders, writer, sender, self.now)
