"""Mending: what is missing in the tallies is added, exactly once, while they go on changing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tallies.core.errors import StoreUnavailable, UnknownWindow
from tallies.core.windows import parse_window
from tallies.stores.clock import Clock
from tallies.stores.dynamodb.apply.buckets import Buckets, RowName
from tallies.stores.dynamodb.apply.in_rows.slot import as_bytes
from tallies.stores.dynamodb.apply.transactions import OutOfTime, Refused, Sender
from tallies.stores.dynamodb.apply.writes import Write, Writer
from tallies.stores.dynamodb.rows.keys import TableNames, reserved_key, row_key
from tallies.stores.dynamodb.snapshot.read.held import Held, held_of
from tallies.stores.dynamodb.snapshot.spill.differences import Compared

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MEND = "mend"
SECONDS = 60.0
"""How long one transaction is tried."""
TRIES = 50
"""How often it is tried when its rows change meanwhile."""


_NO_FLOOR: Mapping[str, bytes] = {}


@dataclass
class Mender:
    """A chain of transactions of one run, each of which checks and moves an item of the run's own.

    A run begins by taking over that item, so that nothing of an earlier run, which may have died
    with a request under way, can be applied after it.
    """

    client: "DynamoDBClient"
    sender: Sender
    writer: Writer
    names: TableNames
    clock: Clock
    chain: int = 0
    """Which of the run's items is its own (see `menders`)."""

    @cached_property
    def buckets(self) -> Buckets:
        """The buckets of the rows that are mended."""
        return Buckets(self.sender, self.writer)

    @property
    def _key(self) -> dict[str, Any]:
        return reserved_key(f"{MEND} {self.chain}" if self.chain else MEND)

    def takeover(self) -> "TransactWriteItemTypeDef":
        """The action that takes the item over from any earlier run, which then can add no more."""
        self._run = uuid4().hex
        self._part = 0
        item: Any = {**self._key, "run": {"S": self._run}, "part": {"N": "0"}}
        return {"Put": {"TableName": self.names.tallies, "Item": item}}

    def add(
        self, tally: str, rows: Sequence[Compared], floor: Mapping[str, bytes] = _NO_FLOOR
    ) -> None:
        """Add what some rows of a tally differ by, in one transaction: at most 99.

        For rows that hold their own positions, `floor` is what they must hold at least from now on:
        otherwise a record that the difference includes would count again when it is delivered
        again.

        Raises:
            StoreUnavailable: another run has taken over, or the table is busy.
        """
        for _ in range(TRIES):
            writes, planted = self._writes(tally, rows)
            names = {(row.group, row.window): row for row in rows}
            for write in writes if floor else ():
                raise_to(floor, names[row_of(write)].held, write.action)
            actions = [*planted, *(write.action for write in writes)]
            refused = self._commit(actions)
            if not refused:
                self.fit(self.buckets.written(writes))
                return
            changed = {
                row_of(write) for n, write in enumerate(writes, len(planted)) if n in refused
            }
            rows = [
                row._replace(held=self._held(tally, row))
                if (row.group, row.window) in changed
                else row
                for row in rows
            ]
        raise StoreUnavailable(f"Rows of {self.names.rows(tally)} never keep still; run it again.")

    def _held(self, tally: str, row: Compared) -> Held:
        found = self.client.get_item(
            TableName=self.names.rows(tally),
            Key=row_key(row.group, row.window),
            ConsistentRead=True,
        )
        return held_of(found.get("Item", {}))

    def fit(self, rows: Iterable[RowName]) -> None:
        """Move rows into their buckets.

        Raises:
            StoreUnavailable: the table is busy.
        """
        try:
            self.buckets.fit(rows, monotonic() + SECONDS)
        except OutOfTime as error:
            raise self.busy(error) from None

    def _writes(
        self, tally: str, rows: Sequence[Compared]
    ) -> "tuple[list[Write], list[TransactWriteItemTypeDef]]":
        """The additions, and the deletions of rows that tallies never wrote."""
        planted: list[TransactWriteItemTypeDef] = []
        known: dict[tuple[str, str], Any] = {}
        for row in rows:
            try:
                parse_window(row.window)
            except UnknownWindow:  # tallies never wrote it
                key = row_key(row.group, row.window)
                planted.append({"Delete": {"TableName": self.names.rows(tally), "Key": key}})
            else:
                known[row.group, row.window] = row.difference
        return self.writer.rows({tally: known}, self.clock()), planted

    def _commit(self, actions: "list[TransactWriteItemTypeDef]") -> set[int]:
        """Commit all actions or none; returns which were refused, if any."""
        guard: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self.names.tallies,
                "Key": self._key,
                "UpdateExpression": "SET part = :next",
                "ConditionExpression": "run = :run AND part = :part",
                "ExpressionAttributeValues": {
                    ":run": {"S": self._run},
                    ":part": {"N": str(self._part)},
                    ":next": {"N": str(self._part + 1)},
                },
            }
        }
        try:
            self.sender.transact([*actions, guard], monotonic() + SECONDS)
        except Refused as refused:
            if len(actions) not in refused.failed:
                return set(refused.failed)
            if not self._is_in():
                raise StoreUnavailable("Another rebuild has begun and takes over.") from None
        except OutOfTime as error:
            raise self.busy(error) from None
        self._part += 1
        return set()

    def busy(self, error: OutOfTime) -> StoreUnavailable:
        """The error for a write that has not succeeded in time."""
        return StoreUnavailable(f"The table {self.names.tallies} is busy: {error}; run it again.")

    def _is_in(self) -> bool:
        """Whether the refused transaction was applied: its answer was lost, and it was sent
        again."""
        found = self.client.get_item(
            TableName=self.names.tallies, Key=self._key, ConsistentRead=True
        ).get("Item", {})
        run, part = found.get("run", {}).get("S"), found.get("part", {}).get("N")
        return (run, part) == (self._run, str(self._part + 1))


def begin(menders: Sequence[Mender]) -> None:
    """Take over from any earlier run, in all chains at once.

    In one transaction: if two runs began at the same time and took the chains one by one, each
    could take some of the other's, and neither would finish.

    Raises:
        StoreUnavailable: the table is busy.
    """
    one = menders[0]
    try:
        one.sender.transact([mender.takeover() for mender in menders], monotonic() + SECONDS)
    except OutOfTime as error:
        raise one.busy(error) from None


def raise_to(floor: Mapping[str, bytes], held: Held, action: "TransactWriteItemTypeDef") -> None:
    """Have an addition also raise its row to the floor, if the row holds what it held when read."""
    if "Update" not in action:
        return
    update: Any = action["Update"]
    sets, conditions, names, values = [], [], {}, {}
    for number, (name, mark) in enumerate(sorted(floor.items())):
        there = held.get(name)
        if there is not None and as_bytes(there["B"]) >= mark:
            continue
        names[f"#s{number}"] = name
        values[f":s{number}"] = {"B": mark}
        sets.append(f"#s{number} = :s{number}, ")
        if there is None:
            conditions.append(f"attribute_not_exists(#s{number})")
        else:
            values[f":t{number}"] = {"B": as_bytes(there["B"])}
            conditions.append(f"#s{number} = :t{number}")
    if not sets:
        return
    update["UpdateExpression"] = update["UpdateExpression"].replace(
        "SET ", "SET " + "".join(sets), 1
    )
    update["ConditionExpression"] = " AND ".join(conditions)
    update["ExpressionAttributeNames"] = {**update["ExpressionAttributeNames"], **names}
    update["ExpressionAttributeValues"] = {**update["ExpressionAttributeValues"], **values}


def row_of(write: Write) -> tuple[str, str]:
    """The group and the window of the row that is written."""
    key: Any = write.action["Update"]["Key"]
    return key["group"]["S"], key["time_window"]["S"]
