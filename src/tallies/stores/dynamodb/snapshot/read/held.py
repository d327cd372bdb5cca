"""Rows that hold their own positions, read for a snapshot.

No guard has to be read before and after them, and no row is ever unsure (see `views` for the other
kind of rows): one answer holds a row's numbers and its positions.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tallies.stores.dynamodb.apply.in_rows.slot import PREFIX, Slot, as_bytes
from tallies.stores.dynamodb.client.paging import batch_get, batches
from tallies.stores.dynamodb.rows.keys import row_key
from tallies.stores.dynamodb.snapshot.read.scan import Pace
from tallies.stores.dynamodb.snapshot.read.tally_pages import (
    PLACES_AT_ONCE,
    all_pages,
    pages_of_groups,
    rows_of,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    Item = Mapping[str, Any]

Held = Mapping[str, Any]
"""The attributes of a row that say up to where it holds the records of each slot's shard."""
EVERYTHING = "~"
"""Comes after every position."""


class HeldRows:
    """Reads rows, and remembers the furthest position that any of them held."""

    def __init__(self, client: "DynamoDBClient", rows_table: str) -> None:
        self._client = client
        self._rows_table = rows_table
        self._furthest: dict[str, bytes] = {}

    def scan(self, pace: Pace) -> Iterator[Sequence["Item"]]:
        """All rows, page by page."""
        return self._seen(all_pages(self._client, self._rows_table, pace), pace)

    def of_groups(self, groups: Iterable[str], pace: Pace) -> Iterator[Sequence["Item"]]:
        """All rows of some groups."""
        return self._seen(pages_of_groups(self._client, self._rows_table, groups), pace)

    def rows(self, places: Iterable[tuple[str, str]]) -> Iterator[Sequence["Item"]]:
        """The rows of some places; a place without a row gives an item that has only the key."""
        for some in batches(places, PLACES_AT_ONCE):
            keys = [row_key(*place) for place in some]
            there = list(batch_get(self._client, self._rows_table, keys))
            known = {(item["group"]["S"], item["time_window"]["S"]) for item in there}
            yield self._noted(
                [*there, *(row_key(*place) for place in some if tuple(place) not in known)]
            )

    def furthest(self, slots: Mapping[str, Slot]) -> dict[str, str]:
        """The furthest position of each shard in any row that was read."""
        marks = {name: {"B": mark} for name, mark in self._furthest.items()}
        held = {shard: slot.held(marks) for shard, slot in slots.items()}
        return {shard: EVERYTHING if at is None else at for shard, at in held.items()}

    def _seen(self, found: Iterable[Any], pace: Pace) -> Iterator[Sequence["Item"]]:
        for page in found:
            pace.spend(page)
            yield self._noted(rows_of(page))

    def _noted(self, items: Sequence["Item"]) -> Sequence["Item"]:
        for item in items:
            for name, value in held_of(item).items():
                mark = as_bytes(value["B"])
                self._furthest[name] = max(mark, self._furthest.get(name, b""))
        return items


def held_of(item: "Item") -> Held:
    """The part of a row that says which records it holds."""
    return {name: value for name, value in item.items() if name.startswith(PREFIX)}


def dump(held: Held) -> str:
    """That part, as text."""
    return json.dumps(
        {name: {"B": b64encode(as_bytes(value["B"])).decode()} for name, value in held.items()}
    )


def load(text: str) -> Held:
    """Undo `dump`."""
    held: Held = json.loads(text)
    return held
