"""A slot: the number by which rows call a shard whose records they hold.

A row says for each shard up to which position it holds all of the shard's records. The names of
shards are long, and a table has had many. So each shard holds a small number, its slot, for as long
as it is read; the rows have one attribute for each slot. The next shard to hold a slot is of a
later generation, and every position of a later generation comes after all of an earlier one: so if
a shard that ended long ago is delivered again, the rows count its records as applied.
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, NamedTuple

from tallies.stores.dynamodb.stream.records import POSITION_DIGITS

PREFIX = "@"
"""Begins the attributes of a row that hold positions; no measure's name can begin so."""
_GENERATION_BYTES, _POSITION_BYTES = 4, 17


class Slot(NamedTuple):
    """What a shard holds."""

    number: int
    generation: int

    @property
    def attribute(self) -> str:
        """The attribute of rows that says how far they hold the shard."""
        return f"{PREFIX}{self.number}"

    def mark(self, position: str) -> bytes:
        """A position of the shard as rows hold it: later ones are greater, byte by byte."""
        return self.generation.to_bytes(_GENERATION_BYTES) + int(position or "0").to_bytes(
            _POSITION_BYTES
        )

    def held(self, item: Mapping[str, Any]) -> str | None:
        """The position up to which a row holds all of its records of the shard: empty for none,
        None for all that there ever were."""
        value = item.get(self.attribute)
        if value is None:
            return ""
        generation, position = read_mark(value["B"])
        if generation != self.generation:
            return None if generation > self.generation else ""
        return position


def slot_of(item: Mapping[str, Any]) -> Slot | None:
    """The slot that a shard's item names."""
    if "slot" not in item:
        return None
    return Slot(int(item["slot"]["N"]), int(item["generation"]["N"]))


def read_mark(value: Any) -> tuple[int, str]:
    """The generation and the position of an attribute's value."""
    mark = as_bytes(value)
    number = int.from_bytes(mark[_GENERATION_BYTES:])
    return int.from_bytes(mark[:_GENERATION_BYTES]), str(number).zfill(POSITION_DIGITS)


def as_bytes(value: Any) -> bytes:
    """A binary value; the fast client leaves it as the text that came."""
    return b64decode(value) if isinstance(value, str) else bytes(value)
