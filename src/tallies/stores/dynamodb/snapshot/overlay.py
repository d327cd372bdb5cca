"""The overlay: what the stream says about rows that were written to during the scan."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product

from tallies.core.amounts import negated
from tallies.core.change import Image
from tallies.stores.dynamodb.client.errors import IteratorExpired
from tallies.stores.dynamodb.snapshot.spill.spill import Late, Spill
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import EMPTY_PAGES, MAX_RECORDS, Shard, Stream, Tip
from tallies.stores.placing import UNCOUNTED, Place, Placer, dump, key_text

_Placed = tuple[StreamRecord, str | None, str | None]
"""A record, and the places of its row before and after it."""


class Overlay:
    """Reads the stream on from where the tallies were when the snapshot began."""

    def __init__(
        self,
        stream: Stream,
        spill: Spill,
        placer: Placer,
        key: Sequence[str],
        begins: Mapping[str, str],
        in_rows: Callable[[Sequence[StreamRecord]], set[str]] | None = None,
    ) -> None:
        """`begins` are positions by shard: records up to them do not matter.

        `in_rows` returns which event ids of some records are in the rows, where positions do not
        show it.
        """
        self._stream = stream
        self._spill = spill
        self._placer = placer
        self._key = key
        self._in_rows = in_rows
        self._iterators: dict[str, str | None] = {}
        self.read: dict[str, str] = dict(begins)
        """How far each shard is read."""

    def catch_up(self) -> None:
        """Read all that the stream has now, and count it as expected.

        Raises:
            HistoryTrimmed: records after a beginning have left the stream.
        """
        for shard in self._stream.shards():
            for records in self._pages(shard):
                placed = self._placed(records)
                self._spill.put(
                    (key_text(record.raw["dynamodb"]["Keys"], self._key), before, after)
                    for record, before, after in placed
                )
                self._spill.add_late(self._late(shard, placed, counted=True))

    def reach(self, shards: Iterable[Shard], furthest: Mapping[str, str]) -> None:
        """Read on to what some rows hold already; these records do not count as expected.

        Raises:
            HistoryTrimmed: as `catch_up`.
        """
        for shard in shards:
            end = furthest.get(shard.id, "")
            if end <= self.read.get(shard.id, ""):
                continue
            for records in self._pages(shard):
                self._spill.add_late(self._late(shard, self._placed(records), counted=False))
                if self.read[shard.id] >= end:
                    break

    def _pages(self, shard: Shard) -> Iterator[list[StreamRecord]]:
        """The records of a shard that were not read yet and are in the stream now."""
        if shard.id not in self._iterators:
            after = self.read.setdefault(shard.id, "")
            over = shard.last is not None and after >= shard.last
            self._iterators[shard.id] = None if over else self._stream.iterator(shard.id, after)
        tip = Tip(self._stream, shard)
        empty = 0
        while (iterator := self._iterators[shard.id]) is not None and empty < EMPTY_PAGES:
            try:
                records, following = self._stream.read(iterator, MAX_RECORDS)
            except IteratorExpired:
                self._iterators[shard.id] = self._stream.iterator(shard.id, self.read[shard.id])
                continue
            self._iterators[shard.id] = following
            empty = 0 if records else empty + 1
            if records:
                self.read[shard.id] = records[-1].change.position
                yield records
                if tip.is_behind(self.read[shard.id]):
                    return

    def _placed(self, records: Iterable[StreamRecord]) -> list[_Placed]:
        return [
            (record, self._place(record.change.old), self._place(record.change.new))
            for record in records
        ]

    def _place(self, image: Image | None) -> str | None:
        return None if image is None else self._placer.place(image)

    def _late(self, shard: Shard, placed: Sequence[_Placed], *, counted: bool) -> Iterator[Late]:
        records = [record for record, _, _ in placed]
        applied = self._in_rows(records) if self._in_rows else set[str]()
        for record, before, after in placed:
            if before == after or record.event_id in applied:
                continue
            for place, is_new in ((before, False), (after, True)):
                if place is not None:
                    amounts, windows, groups = Place.load(place)
                    signed = dump(amounts if is_new else negated(amounts))
                    for group, window in product(groups, windows):
                        if window != UNCOUNTED:
                            position = record.change.position
                            yield Late(group, window, signed, shard.id, position, counted)
