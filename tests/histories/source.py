"""A simulated source table with a simulated stream: shards that split, records that stay."""

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from tallies.stores.dynamodb.stream.records import StreamRecord, from_event
from tests.core.histories import SPOILED, Row

KEY = "key"
"""The attribute that names a row."""

_FIRST_NUMBER = 10**20 - 400
"""So that numbers of 20 and of 21 digits meet: as text the later one would come first."""


@dataclass
class SimulatedShard:
    id: str
    parent: str | None = None
    records: list[StreamRecord] = field(default_factory=list)


class SimulatedSource:
    """Rows by key. Every change of one is a record in the shard that its key belongs to now."""

    def __init__(self, random: Random) -> None:
        self.rows: dict[int, Row] = {}
        self.shards = [SimulatedShard("shard-0")]
        self._open = [self.shards[0]]
        self._random = random
        self._number = _FIRST_NUMBER

    def write(self, key: int, new: Row | None) -> None:
        """Put or delete a row. What changes nothing leaves no record."""
        old = self.rows.pop(key, None)
        if new is not None:
            self.rows[key] = new
        if old == new:
            return
        self._number += self._random.randrange(1, 40)
        data: dict[str, Any] = {
            "SequenceNumber": str(self._number),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            "Keys": {KEY: {"N": str(key)}},
        }
        if old is not None:
            data["OldImage"] = wire(old)
        if new is not None:
            data["NewImage"] = wire(new)
        kind = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        event: dict[str, Any] = {
            "eventID": f"{self._random.getrandbits(64):016x}",
            "eventName": kind,
            "dynamodb": data,
        }
        if kind == "REMOVE" and self._random.random() < 0.3:
            event["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
        self._open[key % len(self._open)].records.append(from_event(event))

    def split(self) -> None:
        """Every open shard ends, and two go on from each."""
        children = [
            SimulatedShard(f"{shard.id}{side}", shard.id) for shard in self._open for side in "lr"
        ]
        self.shards += children
        # A key's records stay in one line of shards: its child is under its parent.
        self._open = [child for side in (0, 1) for child in children[side::2]]

    def roll(self, number: int) -> None:
        """One open shard ends, as each does after some hours, and one goes on from it."""
        parent = self._open[number % len(self._open)]
        child = SimulatedShard(f"{parent.id}.", parent.id)
        self.shards.append(child)
        self._open[number % len(self._open)] = child

    @property
    def open_shards(self) -> int:
        """How many take records."""
        return len(self._open)


def wire(row: Row) -> dict[str, Any]:
    """A row as typed attributes."""
    return {name: _typed(value) for name, value in row.items() if name != SPOILED}


def _typed(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case None:
            return {"NULL": True}
        case int() | Decimal():
            return {"N": str(value)}
    raise TypeError(value)
