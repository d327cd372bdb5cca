"""Views: rows of the tallies read together with how far the stream is in them.

For each row, it must be known which records of each shard it held when it was read. A shard's
guard says so, but a request reads a hundred items at most, and a stream may have any number of
shards. So the argument is made for each row and each shard by itself, and no two shards have to be
seen at one moment:

1. A transaction that adds records of a shard to a row also moves the row's lane in the shard's
   guard, and no lane is ever moved back. Guards are read in transactions, which DynamoDB refuses
   while one of their items is being written, so that no write is seen half done. It is also relied
   upon that a consistent read shows every transaction that an earlier transactional read has
   shown.
2. Guards are read before a row and after it. If its lane stood at B before and at A after, then
   when the row was read it held all records of the shard up to some P, with B <= P <= A.
3. Which P it was does not matter when no record of the shard after B and up to A adds anything to
   the row; the stream, read on to A, shows that. Where B is A, as for every shard of a quiet
   table, no record can.
4. A row that such a record adds to is unsure. It is read again, in one transaction with the guards
   of just the shards that made it so: for these B = P = A. The other guards are read before and
   after, as always. The fewer records come in between, the fewer rows are unsure, until none is.
   A row could stay unsure only if more shards than a transaction holds changed it at every moment;
   after some rounds the snapshot gives up.

Two kinds of shards need no reading at all. The position of one that has ended, and all of whose
records are in all rows, never changes again. One that was not yet listed when a row was read had
added nothing to it before (B is the beginning), and at most what its guard says once it is listed
(A).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.apply.position import Known, known_of
from tallies.stores.dynamodb.apply.progress import Progress, row_lane
from tallies.stores.dynamodb.apply.transactions import MAX_ACTIONS, OutOfTime, Sender
from tallies.stores.dynamodb.client.explain import explain
from tallies.stores.dynamodb.client.paging import batch_get, batches
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key, row_key
from tallies.stores.dynamodb.snapshot.read.scan import LEAST_UNITS, Pace
from tallies.stores.dynamodb.snapshot.read.tally_pages import (
    PLACES_AT_ONCE,
    all_pages,
    pages_of_groups,
    rows_of,
)
from tallies.stores.dynamodb.stream.stream import Shard

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

READ_SECONDS = 30.0
GUARD_UNITS = 2
"""Read units of one guard."""

Guards = Mapping[str, Known]
"""Shard -> what its guard says."""
Place = tuple[str, str]
"""Group and window of a row."""
IsOver = Callable[[Shard, Known], bool]
"""Whether a shard has ended and all of its records are in all rows."""

_NOTHING = Known(Progress(), None)


@dataclass(frozen=True, slots=True)
class View:
    """How far each shard was before some rows were read, and how far after."""

    before: Guards
    after: Guards
    over: Guards
    """Shards whose positions did not change at all."""
    joined: Guards
    """Shards that were listed later, as they were then."""

    def has(self, row: Place, tally: str, shard: str, position: str) -> bool:
        """Whether a row held a record of a shard, if the row is not unsure."""
        known = self.before.get(shard) or self.over.get(shard, _NOTHING)
        return position <= _position(known, row, tally)

    def is_unsure(self, row: Place, tally: str, shard: str, position: str) -> bool:
        """Whether a record was added to a row either before the row was read or after it."""
        after = self.after.get(shard) or self.over.get(shard) or self.joined.get(shard, _NOTHING)
        was_in = self.has(row, tally, shard, position)
        return was_in != (position <= _position(after, row, tally))


class Part(NamedTuple):
    """Rows that belong to one view."""

    view: View
    keys: Sequence["Item"]
    """What was asked for."""
    items: Sequence["Item"]
    """Those of them that exist."""


class GuardReader:
    """Reads guards, alone or at one moment with rows."""

    def __init__(self, once: "DynamoDBClient", table: str) -> None:
        """`once` is a client that does not retry."""
        self._once = once
        self._sender = Sender(once)
        self._table = table

    def read(self, shards: Iterable[str]) -> dict[str, Known]:
        """The guards of any number of shards, a hundred at a moment."""
        known: dict[str, Known] = {}
        for some in batches(shards, MAX_ACTIONS):
            known |= self.read_with(some, self._table, [])[0]
        return known

    def read_with(
        self, shards: Sequence[str], rows_table: str, keys: Sequence["Item"]
    ) -> tuple[dict[str, Known], list["Item"]]:
        """Guards and rows as of one moment: at most a hundred together."""
        gets: list[Any] = [
            {"Get": {"TableName": self._table, "Key": reserved_key(POSITION, shard)}}
            for shard in shards
        ]
        gets += [{"Get": {"TableName": rows_table, "Key": key}} for key in keys]
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
        guards = found[: len(shards)]
        known = {
            shard: known_of(each.get("Item")) for shard, each in zip(shards, guards, strict=True)
        }
        return known, [each["Item"] for each in found[len(shards) :] if each.get("Item")]


class Views:
    """Reads rows, and the guards of their shards before and after."""

    def __init__(
        self,
        client: "DynamoDBClient",
        guards: GuardReader,
        rows_table: str,
        shards: Sequence[Shard],
        is_over: IsOver,
    ) -> None:
        """Reads the guards once now. `is_over` may say no when it does not know."""
        self._client = client
        self._guards = guards
        self._rows_table = rows_table
        known = guards.read(shard.id for shard in shards)
        self._over = {s.id: known[s.id] for s in shards if is_over(s, known[s.id])}
        self._moving = [shard.id for shard in shards if shard.id not in self._over]
        self._joined: dict[str, Known] = {}
        self._last = {shard: known[shard] for shard in self._moving}

    def furthest(self) -> dict[str, str]:
        """The furthest position of each shard in any row that was read."""
        known = {**self._over, **self._last}
        return {s: max(run.position for run in known[s].progress.runs) for s in known}

    def join(self, shards: Iterable[Shard]) -> bool:
        """Take in the shards that were not listed so far; whether there are any."""
        listed = self._over.keys() | self._last.keys()
        new = [shard.id for shard in shards if shard.id not in listed]
        found = self._guards.read(new)
        self._joined |= found
        self._moving += new
        self._last = {**self._last, **found}
        return bool(new)

    def scan(self, pace: Pace) -> Iterator[Part]:
        """All rows of the tallies."""
        return self._seen(all_pages(self._client, self._rows_table, pace), pace)

    def of_groups(self, groups: Iterable[str], pace: Pace) -> Iterator[Part]:
        """All rows of some groups."""
        return self._seen(pages_of_groups(self._client, self._rows_table, groups), pace)

    def _seen(self, found: Iterable[Any], pace: Pace) -> Iterator[Part]:
        before = self._look()
        for items in self._gathered(found, pace):
            after = self._look()
            yield Part(self._view(before, after), list(map(_key, items)), items)
            before = after

    def _gathered(self, found: Iterable[Any], pace: Pace) -> Iterator[list["Item"]]:
        """The rows of pages, as many at a time as are worth a read of the guards."""
        items: list[Item] = []
        units = 0.0
        for page in found:
            pace.spend(page)
            items += rows_of(page)
            units += page.get("ConsumedCapacity", {}).get("CapacityUnits", 1.0)
            if units >= max(LEAST_UNITS, GUARD_UNITS * len(self._moving)):
                yield items
                items, units = [], 0.0
        yield items

    def rows(self, places: Iterable[Place]) -> Iterator[Part]:
        """Those rows of some places that exist."""
        before = self._look()
        for some in batches(places, max(PLACES_AT_ONCE, GUARD_UNITS * len(self._moving))):
            keys = [row_key(*place) for place in some]
            items = batch_get(self._client, self._rows_table, keys)
            after = self._look()
            yield Part(self._view(before, after), keys, items)
            before = after

    def again(self, unsure: Mapping[Place, Sequence[str]]) -> Iterator[Part]:
        """Rows, each at one moment with the guards of its shards."""
        before = self._look()
        for keys, shards in _together(unsure):
            known, items = self._guards.read_with(shards, self._rows_table, keys)
            after = self._look()
            yield Part(self._view({**before, **known}, {**after, **known}), keys, items)
            before = after

    def _view(self, before: Guards, after: Guards) -> View:
        return View(before, after, self._over, self._joined)

    def _look(self) -> Guards:
        """How far the shards that may move are, each at some moment of this call."""
        found = self._guards.read(self._moving)
        if found != self._last:  # keep only one of equal ones in memory
            self._last = found
        return self._last


def _together(unsure: Mapping[Place, Sequence[str]]) -> Iterator[tuple[list["Item"], list[str]]]:
    """Rows, and all of their shards, that fit into one transaction (of too many, the first)."""
    keys: list[Item] = []
    shards: dict[str, None] = {}
    for place, its in unsure.items():
        wanted = dict.fromkeys(its[: MAX_ACTIONS - 1])
        if keys and len(keys) + 1 + len(shards | wanted) > MAX_ACTIONS:
            yield keys, list(shards)
            keys, shards = [], {}
        keys.append(row_key(*place))
        shards |= wanted
    if keys:
        yield keys, list(shards)


def _position(known: Known, row: Place, tally: str) -> str:
    """The last record of a shard that was in a row."""
    progress = known.progress
    if not progress.ahead:
        return progress.position
    group, window = row
    return progress.runs[progress.run_of(row_lane(group, tally, window))].position


def _key(item: "Item") -> "Item":
    return {name: item[name] for name in ("group", "time_window")}
