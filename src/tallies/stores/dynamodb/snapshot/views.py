"""Views: rows of the tallies read together with how far the stream is in them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from tallies.core.errors import StoreError, StoreUnavailable
from tallies.stores.dynamodb.explain import explain
from tallies.stores.dynamodb.guard import Known, known_of
from tallies.stores.dynamodb.keys import POSITION, is_reserved, reserved_key
from tallies.stores.dynamodb.lanes import Progress, row_lane
from tallies.stores.dynamodb.paging import batch_get, batches, pages
from tallies.stores.dynamodb.snapshot.scan import Pace
from tallies.stores.dynamodb.transactions import MAX_ACTIONS, OutOfTime, Sender

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

MAX_SHARDS = 60
"""As many guards fit into one transaction beside some rows."""
READ_SECONDS = 30.0
GROUPS_AT_A_TIME = 20
"""Groups of a sample that are read between two looks at the guards."""


@dataclass(frozen=True, slots=True)
class View:
    """How far each shard was, at one moment."""

    shards: Mapping[str, Known]

    def position(self, shard: str, group: str, tally: str, window: str) -> str:
        """The last record of a shard that was in a row."""
        known = self.shards.get(shard)
        progress = Progress() if known is None else known.progress
        return progress.runs[progress.run_of(row_lane(group, tally, window))].position


class Part(NamedTuple):
    """Rows that belong to one view."""

    view: View
    keys: Sequence["Item"]
    """What was asked for."""
    items: Sequence["Item"]
    """What is there of it."""


class Views:
    """Reads rows and the guards of their shards as of one moment.

    All guards are read in one transaction, which sees no transaction half done: when they are the
    same before and after rows were read, nothing was applied in between. Where they are not,
    rows and guards are read in one transaction.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        once: "DynamoDBClient",
        table: str,
        rows_table: str,
        shards: Sequence[str],
    ) -> None:
        """`once` is a client that does not retry.

        Raises:
            StoreError: the stream has too many shards.
        """
        if len(shards) > MAX_SHARDS:
            raise StoreError(
                f"The stream has {len(shards)} shards, and {MAX_SHARDS} can be compared at once;"
                " try again when some have ended."
            )
        self._client = client
        self._once = once
        self._sender = Sender(once)
        self._table = table
        self._rows_table = rows_table
        self._shards = list(shards)

    def now(self) -> View:
        """How far all shards are, at one moment."""
        return View(self._read([])[0])

    def scan(self, pace: Pace) -> Iterator[Part]:
        """All rows of the tallies."""
        scan: Callable[..., Any] = self._client.scan
        found = pages(lambda **where: scan(**where, **pace.limit()), **self._everything())
        return self._seen(([page] for page in found), pace)

    def of_groups(self, groups: Iterable[str], pace: Pace) -> Iterator[Part]:
        """All rows of some groups."""
        found = (
            [page for group in some for page in self._of_group(group)]
            for some in batches(groups, GROUPS_AT_A_TIME)
        )
        return self._seen(found, pace)

    def _of_group(self, group: str) -> Iterator[Any]:
        return pages(
            self._client.query,
            KeyConditionExpression="#group = :group",
            ExpressionAttributeNames={"#group": "group"},
            ExpressionAttributeValues={":group": {"S": group}},
            **self._everything(),
        )

    def _everything(self) -> dict[str, Any]:
        return {
            "TableName": self._rows_table,
            "ConsistentRead": True,
            "ReturnConsumedCapacity": "TOTAL",
        }

    def _seen(self, found: Iterable[Sequence[Any]], pace: Pace) -> Iterator[Part]:
        before = self.now()
        for some in found:
            items = [
                item
                for page in some
                for item in page["Items"]
                if not is_reserved(item["group"]["S"])
            ]
            after = self.now()
            yield from self._parts(before, after, list(map(_key, items)), items)
            for page in some:
                pace.spend(page)
            before = after

    def rows(self, keys: Sequence["Item"]) -> Iterator[Part]:
        """The rows that there are of some keys."""
        before = self.now()
        items = list(batch_get(self._client, self._rows_table, keys))
        yield from self._parts(before, self.now(), keys, items)

    def _parts(
        self, before: View, after: View, keys: Sequence["Item"], items: Sequence["Item"]
    ) -> Iterator[Part]:
        if after == before:
            yield Part(before, keys, items)
            return
        room = MAX_ACTIONS - len(self._shards)
        for start in range(0, len(keys), room):
            some = keys[start : start + room]
            known, found = self._read(some)
            yield Part(View(known), some, found)

    def _read(self, keys: Sequence["Item"]) -> tuple[dict[str, Known], list["Item"]]:
        gets: list[Any] = [
            {"Get": {"TableName": self._table, "Key": reserved_key(POSITION, shard)}}
            for shard in self._shards
        ]
        gets += [{"Get": {"TableName": self._rows_table, "Key": key}} for key in keys]
        if not gets:
            return {}, []
        try:
            found = self._sender.persist(
                lambda: self._once.transact_get_items(TransactItems=gets),
                monotonic() + READ_SECONDS,
            )["Responses"]
        except OutOfTime as error:
            raise StoreUnavailable(
                f"The table {self._table} is busy: {error}; try again."
            ) from None
        except Exception as error:  # noqa: BLE001 # explained, and raised again
            explain(error, self._table, self._once)
        shards = len(self._shards)
        known = {
            shard: known_of(each.get("Item"))
            for shard, each in zip(self._shards, found[:shards], strict=True)
        }
        return known, [each["Item"] for each in found[shards:] if each.get("Item")]


def _key(item: "Item") -> "Item":
    return {name: item[name] for name in ("group", "time_window")}
