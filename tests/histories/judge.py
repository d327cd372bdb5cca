"""The judge of a history: what the tallies, the buckets, the positions and the parked records have
to be, by the table as it is."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, cast

from tallies.core.change import Image
from tallies.core.fold import Folder
from tallies.core.tally import Tally
from tallies.stores.dynamodb.apply.buckets import is_unfit, ranked_by_buckets
from tallies.stores.dynamodb.apply.content import change_of
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.apply.position import read_position
from tallies.stores.dynamodb.apply.progress import Progress
from tallies.stores.dynamodb.rows.keys import is_reserved
from tallies.stores.dynamodb.stream.records import image_of
from tests.core.histories import SPOILED, Row
from tests.core.model import Totals, admitted, group_by, is_spoiled
from tests.histories.fake import FakeDynamoDB
from tests.histories.source import SimulatedSource, wire
from tests.histories.worlds import MISREAD, World


class Wrong(AssertionError):
    """A history did not come out right."""


class Judge:
    """Of the state that a history is in; nothing may be under way.

    Each method raises `Wrong` of what is not as it has to be.
    """

    def __init__(
        self,
        world: World,
        source: SimulatedSource,
        database: FakeDynamoDB,
        *,
        marked: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._world = world
        self._source = source
        self._database = database
        self._marked = marked
        self._now = now

    def tallies(self, folders: Sequence[Folder], *, is_mended: bool) -> None:
        now = self._now()
        rows = [_as_mended(row) if is_mended else row for row in self._source.rows.values()]
        for folder in folders:
            tally = folder.tally
            expected = group_by(tally, rows)
            actual = self._stored(tally)
            for key, amounts in actual.items():
                end = folder.expiry(key[1])
                # Under markers, an arrival that came too late for its window may be overtaken by
                # the removal of the same row that was folded in time: for the day that such a row
                # has left, it is below zero. By positions, never.
                is_over = self._marked and end is not None and end <= now
                if amounts[0] < 0 and not is_over:
                    raise Wrong(f"{tally.name} {key} is below zero: {amounts}")
            for key in expected.keys() | actual.keys():
                end = folder.expiry(key[1])
                if end is not None and end <= now:
                    continue  # it may be there still, or not
                if expected.get(key) != actual.get(key):
                    raise Wrong(
                        f"{tally.name} {key} is {actual.get(key)} and should be {expected.get(key)}"
                    )

    def _stored(self, tally: Tally) -> Totals:
        found: Totals = {}
        rows = self._database.tables.get(self._world.tables.rows(tally.name), {})
        for (group, window), item in rows.items():
            if not is_reserved(group):
                amounts = tuple(Fraction(item[name]["N"]) for name in tally.components)
                if any(amounts):
                    found[group, window] = amounts
        return found

    def buckets(self) -> None:
        """Each row of a window that is kept is in the bucket that its amount lies in."""
        tables = self._world.tables
        ranked = ranked_by_buckets(tables, self._world.tallies)
        for folder in self._world.mended:
            table = tables.rows(folder.tally.name)
            for key, item in self._database.tables.get(table, {}).items():
                if is_reserved(key[0]):
                    continue
                end = folder.expiry(key[1])
                if (end is None or end > self._now()) and is_unfit(item, ranked.get(table)):
                    raise Wrong(f"{folder.tally.name} {key} is in a wrong bucket: {item}")

    def positions(self) -> None:
        for shard in self._source.shards:
            if shard.records:
                tallies = self._world.tables.tallies
                known = read_position(cast("Any", self._database), tallies, shard.id)
                if known.progress != Progress(shard.records[-1].change.position):
                    raise Wrong(f"{shard.id} is at {known}, not at its end")

    def parked(self, parked: Parked) -> int:
        """What is parked, added up, is what no tally could take of the rows that are there."""
        net: dict[str, Counter[str]] = {tally.name: Counter() for tally in self._world.tallies}
        by_name = {tally.name: tally for tally in self._world.tallies}
        records = list(parked.records())
        for record in records:
            old, new, _ = change_of(record.content)
            for image, sign in ((new, 1), (old, -1)):
                if image is not None:
                    net[record.tally][_read(by_name[record.tally], image)] += sign
        for tally in self._world.tallies:
            expected = Counter(
                _read(tally, image_of(wire(row)))
                for row in self._source.rows.values()
                if admitted(tally, row) and is_spoiled(tally, row)
            )
            found = Counter({image: n for image, n in net[tally.name].items() if n})
            if found != expected:
                raise Wrong(f"{tally.name}: parked are {found}, should be {expected}")
        return len(records)


def _read(tally: Tally, image: Image) -> str:
    names = tally.attributes
    return repr([(name, image.get(name)) for name in names if name in image])


def _as_mended(row: Row) -> Row:
    if row.get("city") == MISREAD:
        return {**row, SPOILED: tuple(set(row.get(SPOILED, ())) - {"city"})}
    return row
