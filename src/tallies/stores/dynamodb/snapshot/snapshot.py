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
from tallies.stores.dynamodb.backlog import marked_of
from tallies.stores.dynamodb.guard import Known
from tallies.stores.dynamodb.keys import TableNames
from tallies.stores.dynamodb.paging import MAX_KEYS, batches
from tallies.stores.dynamodb.snapshot.differences import Compared, compare
from tallies.stores.dynamodb.snapshot.horizon import is_read_out
from tallies.stores.dynamodb.snapshot.overlay import Overlay
from tallies.stores.dynamodb.snapshot.scan import Pace
from tallies.stores.dynamodb.snapshot.spill import Spill
from tallies.stores.dynamodb.snapshot.views import GuardReader, Part, Place, View, Views
from tallies.stores.dynamodb.stream import Shard, Stream, StreamRecord
from tallies.stores.placing import Placer, dump
from tallies.stores.protocol import Progress, no_progress
from tallies.stores.sample import Sample

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 12 * 3600
"""A scan that stopped longer ago begins anew: the stream keeps a day."""
TRIES = 5
ROUNDS = 50
"""How often rows are read again that change meanwhile."""
_NOTHING = {"N": "0"}
_BEGINS, _BEGUN = "begins", "begun"


class Moved(Exception):
    """Records were applied in a way that the views do not show."""


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
    """Whether records are known by markers. Then nothing may be applied while rows are read."""
    pace: Pace
    settle_seconds: float
    """How long after a write its record is in the stream for sure."""
    progress: Progress = no_progress
    sample: Sample | None = None
    """The groups that are compared; None for all."""
    _views: list[View] = field(default_factory=list)

    def compared(self, spill: Spill, key: Sequence[str], now: datetime) -> Iterator[Compared]:
        """Every row of the tallies, and every one that should be there.

        The source has been scanned into `spill`; `key` are the attributes of its key.

        Raises:
            HistoryTrimmed: the stream has lost records that were never applied.
            StoreUnavailable: records were applied by markers all the time, or some rows never kept
                still.
        """
        begins = spill.fact(_BEGINS)
        for _ in range(TRIES):
            sleep(self.settle_seconds)
            in_rows = self._marked_of if self.marked else None
            overlay = Overlay(self.stream, spill, self.placer, key, begins, in_rows)
            with suppress(Moved):
                self._read(spill, overlay)
                break
        else:
            raise StoreUnavailable(
                "Records were applied while their rows were read; disable the event source mapping"
                " meanwhile (a rebuild does so where Lambda lets it), or try again."
            )
        yield from compare(spill.cells(), self._views, self.folder, now)

    @cached_property
    def placer(self) -> Placer:
        """Places rows of the source."""
        return Placer(self.folder.tally, self.sample)

    def begin(self, spill: Spill, now: datetime) -> None:
        """Note the positions from which the stream is read: what all rows held before the scan."""
        begun = spill.fact(_BEGUN)
        if begun is None or now.timestamp() - begun > KEPT_SECONDS:
            begins = {}
            if not self.marked:
                known = self._guards.read(shard.id for shard in self.stream.shards())
                begins = {shard: known[shard].progress.least for shard in known}
            spill.begin({_BEGINS: begins, _BEGUN: now.timestamp()})

    def _read(self, spill: Spill, overlay: Overlay) -> None:
        """Read the tallies, and the stream to where it is in them."""
        spill.forget("actual", "late")
        self._views.clear()
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
        """Read rows again until it is known of each which records it held (see `views`)."""
        unsure: dict[Place, list[str]] = {}
        checked = 0
        for _ in range(ROUNDS):
            shards = self.stream.shards()
            if views.join(shards):
                checked = 0  # it may have been in any of them
            overlay.reach(shards, views.furthest())
            found = self._unsure(spill, checked)
            if not found:
                return
            # First the shards that came in between the last time.
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
        """The unsure rows of the views from one on, each with the shards that make it so."""
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
        components = self.folder.tally.components
        there = {(i["group"]["S"], i["time_window"]["S"]): i for i in part.items}
        rows = []
        for key in part.keys:
            place = key["group"]["S"], key["time_window"]["S"]
            item: Any = there.get(place, {})
            amounts = dump([number_of(item.get(name, _NOTHING)["N"]) for name in components])
            rows.append((*place, amounts, number))
        spill.add_actual(rows)
        return len(rows)

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
