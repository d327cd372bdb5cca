"""One snapshot, from the scan to the comparison."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from time import sleep
from typing import TYPE_CHECKING, Any

from tallies.core.amounts import number_of
from tallies.core.errors import StoreUnavailable
from tallies.core.fold import Folder
from tallies.stores.dynamodb.apply.buckets import is_unfit, ranked_by_buckets
from tallies.stores.dynamodb.apply.in_rows.slot import Slot
from tallies.stores.dynamodb.apply.position import Known
from tallies.stores.dynamodb.client.paging import MAX_KEYS, batches
from tallies.stores.dynamodb.rows.keys import TableNames
from tallies.stores.dynamodb.snapshot.horizon import is_read_out
from tallies.stores.dynamodb.snapshot.overlay import Overlay
from tallies.stores.dynamodb.snapshot.read.held import HeldRows, held_of
from tallies.stores.dynamodb.snapshot.read.held import dump as dump_held
from tallies.stores.dynamodb.snapshot.read.scan import Pace
from tallies.stores.dynamodb.snapshot.read.views import GuardReader, Part, Place, View, Views
from tallies.stores.dynamodb.snapshot.spill.differences import Compared, Noted, compare
from tallies.stores.dynamodb.snapshot.spill.spill import Spill
from tallies.stores.dynamodb.stream.backlog import marked_of
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Shard, Stream
from tallies.stores.placing import Placer, dump
from tallies.stores.protocol import Progress, no_progress
from tallies.stores.sample import Sample

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 12 * 3600
"""A scan that stopped longer ago begins anew: the stream keeps records for a day."""
TRIES = 5
ROUNDS = 50
"""How often rows that change while they are read are read again."""
_NOTHING = {"N": "0"}
_BEGINS, _BEGUN = "begins", "begun"


class Moved(Exception):
    """Records were applied in a way that the views cannot show."""


@dataclass
class Snapshot:
    """Reads source, stream and tallies, and compares them. Writes nothing but its own file."""

    client: "DynamoDBClient"
    once: "DynamoDBClient"
    """One that does not retry by itself."""
    names: TableNames
    folder: Folder
    stream: Stream
    marked: bool
    """Whether records have markers. Then nothing may be applied while rows are read."""
    pace: Pace
    settle_seconds: float
    """How long after a write its record is certainly in the stream."""
    progress: Progress = no_progress
    sample: Sample | None = None
    """The groups that are compared; None for all."""
    _views: list[View] = field(default_factory=list)
    _unfit: set[Place] = field(default_factory=set)
    """Rows that were not in their buckets when they were read."""
    _slots: dict[str, Slot] = field(default_factory=dict)
    _noted: dict[str, str] = field(default_factory=dict)
    """Up to where every row should hold the records of each shard, whatever the row says."""

    def compared(self, spill: Spill, key: Sequence[str], now: datetime) -> Iterator[Compared]:
        """Every row of the tallies, and every one that they should have.

        The source has been scanned into `spill`; `key` are the attributes of its key.

        Raises:
            HistoryTrimmed: the stream has lost records that were never applied.
            StoreUnavailable: records were applied by markers all the time, or some rows never
                stopped changing.
        """
        begins = spill.fact(_BEGINS)
        for _ in range(TRIES):
            sleep(self.settle_seconds)
            in_rows = self._marked_of if self.marked else None
            overlay = Overlay(self.stream, spill, self.placer, key, begins, in_rows)
            with suppress(Moved):
                if self.in_rows:
                    self._read_held(spill, overlay)
                else:
                    self._read(spill, overlay)
                break
        else:
            raise StoreUnavailable(
                "Records were applied while their rows were read; disable the event source mapping"
                " meanwhile (a rebuild does so where Lambda lets it), or try again."
            )
        yield from compare(
            spill.cells(), self._views, Noted(self._slots, self._noted), self.folder, now
        )

    @property
    def in_rows(self) -> bool:
        """Whether the rows hold their own positions."""
        return self.names.layout(self.folder.tally.name).guard == "rows"

    def floor(self) -> dict[str, bytes]:
        """What every compared row is assumed to hold at least, as attributes of the row."""
        floor: dict[str, bytes] = {}
        for shard, slot in self._slots.items():
            if noted := self._noted.get(shard):
                mark = slot.mark(noted)
                floor[slot.attribute] = max(mark, floor.get(slot.attribute, b""))
        return floor

    def _read_held(self, spill: Spill, overlay: Overlay) -> None:
        """As `_read`, for rows that hold their own positions."""
        spill.forget("actual", "late")
        self._unfit.clear()
        # A scan that was interrupted may have begun long before.
        self._noted = self._begins(self.stream.shards())
        rows = HeldRows(self.client, self.names.rows(self.folder.tally.name))
        done = 0
        for items in self._held_rows(rows, spill):
            done += self._add_held(spill, items)
            self.progress("Reading the tallies", done, None)
        overlay.catch_up()
        spill.group()
        for items in rows.rows(spill.missing()):
            self._add_held(spill, items)
        shards = self.stream.shards()
        known = self._guards.read(shard.id for shard in shards)
        self._slots = {name: each.slot for name, each in known.items() if each.slot is not None}
        overlay.reach(shards, rows.furthest(self._slots))

    def _held_rows(self, rows: HeldRows, spill: Spill) -> Iterator[Sequence[Any]]:
        if self.sample is None:
            return rows.scan(self.pace)
        spill.group()
        return rows.of_groups(spill.groups(), self.pace)

    def _look_at_bucket(self, place: Place, item: Any) -> None:
        if self._ranked is not None:
            (self._unfit.add if is_unfit(item, self._ranked) else self._unfit.discard)(place)

    def _add_held(self, spill: Spill, items: Sequence[Any]) -> int:
        for item in items:
            self._look_at_bucket((item["group"]["S"], item["time_window"]["S"]), item)
        spill.add_actual(
            (
                item["group"]["S"],
                item["time_window"]["S"],
                self._amounts(item),
                0,
                dump_held(held_of(item)),
            )
            for item in items
        )
        return len(items)

    def _amounts(self, item: Any) -> str:
        components = self.folder.tally.components
        return dump([number_of(item.get(name, _NOTHING)["N"]) for name in components])

    @cached_property
    def placer(self) -> Placer:
        """Places rows of the source."""
        return Placer(self.folder.tally, self.sample)

    def begin(self, spill: Spill, now: datetime) -> None:
        """Note the positions from which the stream is read: all rows held them before the scan."""
        begun = spill.fact(_BEGUN)
        if begun is None or now.timestamp() - begun > KEPT_SECONDS:
            begins = {}
            if not self.marked:
                begins = self._begins(self.stream.shards())
            spill.begin({_BEGINS: begins, _BEGUN: now.timestamp()})

    def _begins(self, shards: Sequence[Shard]) -> dict[str, str]:
        """A position of each shard up to which all rows hold all of its records."""
        known = self._guards.read(shard.id for shard in shards)
        newest: dict[int, int] = {}
        for each in known.values():
            if each.slot is not None:
                number, generation = each.slot
                newest[number] = max(generation, newest.get(number, 0))
        begins = {}
        for shard in shards:
            slot = known[shard.id].slot
            begins[shard.id] = known[shard.id].progress.least
            # A shard that handed its slot on has been read to the end, whatever was noted of it
            # last.
            if slot is not None and slot.generation < newest[slot.number] and shard.last:
                begins[shard.id] = max(shard.last, begins[shard.id])
        return begins

    def _read(self, spill: Spill, overlay: Overlay) -> None:
        """Read the tallies, and the stream as far as they hold it."""
        spill.forget("actual", "late")
        self._views.clear()
        self._unfit.clear()
        marked = self._marked_now() if self.marked else set[str]()
        rows = self.names.rows(self.folder.tally.name)
        views = Views(self.client, self._guards, rows, self.stream.shards(), self._is_over)
        done = 0
        for part in self._parts(views, spill):
            done += self._add(spill, part)
            self.progress("Reading the tallies", done, None)
        overlay.catch_up()
        spill.group()
        for part in views.rows(spill.missing()):
            self._add(spill, part)
        self._make_sure(spill, overlay, views)
        if self.marked and not self._marked_now() <= marked:
            raise Moved

    def _make_sure(self, spill: Spill, overlay: Overlay, views: Views) -> None:
        """Read rows again until it is known which records each of them held (see `views`)."""
        unsure: dict[Place, list[str]] = {}
        checked = 0
        for _ in range(ROUNDS):
            shards = self.stream.shards()
            if views.join(shards):
                checked = 0  # any row may have held records of it
            overlay.reach(shards, views.furthest())
            found = self._unsure(spill, checked)
            if not found:
                return
            # First the shards whose records came in between the last time.
            unsure = {
                place: list(dict.fromkeys([*its, *unsure.get(place, [])]))
                for place, its in found.items()
            }
            checked = len(self._views)
            for part in views.again(unsure):
                self._add(spill, part)
        raise StoreUnavailable(
            f"{len(unsure)} rows of {self.names.rows(self.folder.tally.name)} never kept still"
            " while they were read; try again when fewer shards write to them."
        )

    def _unsure(self, spill: Spill, since: int) -> dict[Place, list[str]]:
        """The unsure rows of the views from `since` on, each with the shards that make it so."""
        tally = self.folder.tally.name
        found: dict[Place, list[str]] = {}
        for place, number, shard, position in spill.met(since):
            if self._views[number].is_unsure(place, tally, shard, position):
                its = found.setdefault(place, [])
                if shard not in its:
                    its.append(shard)
        return found

    def _is_over(self, shard: Shard, known: Known) -> bool:
        return is_read_out(self.stream, shard, known.progress.least)

    def _parts(self, views: Views, spill: Spill) -> Iterator[Part]:
        if self.sample is None:
            return views.scan(self.pace)
        spill.group()
        return views.of_groups(spill.groups(), self.pace)

    def _add(self, spill: Spill, part: Part) -> int:
        if not self._views or self._views[-1] != part.view:
            self._views.append(part.view)
        number = len(self._views) - 1
        there = {(i["group"]["S"], i["time_window"]["S"]): i for i in part.items}
        rows = []
        for key in part.keys:
            place = key["group"]["S"], key["time_window"]["S"]
            item: Any = there.get(place, {})
            rows.append((*place, self._amounts(item), number, ""))
            self._look_at_bucket(place, item)
        spill.add_actual(rows)
        return len(rows)

    @cached_property
    def _ranked(self) -> str | None:
        """The component by which the tally's buckets are chosen; None when it has no buckets."""
        tally = self.folder.tally
        return ranked_by_buckets(self.names, [tally]).get(self.names.rows(tally.name))

    @cached_property
    def _guards(self) -> GuardReader:
        return GuardReader(self.once, self.names.tallies)

    def _marked_of(self, records: Sequence[StreamRecord]) -> set[str]:
        return marked_of(self.client, self.names.tallies, records)

    def _marked_now(self) -> set[str]:
        return {
            event_id
            for shard in self.stream.shards()
            for some in batches(self.stream.after(shard, ""), MAX_KEYS)
            for event_id in self._marked_of(some)
        }
