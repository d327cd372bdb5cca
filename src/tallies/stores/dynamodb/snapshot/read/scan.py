"""Scanning the source: in parallel segments, at a bounded rate, going on where it stopped."""

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from tallies.stores.dynamodb.snapshot.spill.combine import Combiner, Shares
from tallies.stores.dynamodb.snapshot.spill.spill import Spill
from tallies.stores.dynamodb.stream.records import image_of
from tallies.stores.placing import Placer, key_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SEGMENTS = 4
"""Parts of the source that one process scans in parallel."""
READS_A_SECOND = 50
"""At a bounded rate."""
LEAST_UNITS = 8
"""The fewest units of one read, since each read is rounded up to a whole unit."""
FIRST_ROWS = 50
"""How many rows a read asks for before it is known how large they are."""
DONE = "done"
_SEGMENTS = "segments"
_SHARE_HELD = 50
"""One in this many rows may be in memory only, and is lost if the process dies."""
_MAX_HELD = 500_000


class Pace:
    """Limits reading to so many read units a second."""

    def __init__(
        self,
        units_a_second: float | None,
        *,
        clock: Callable[[], float] = monotonic,
        rest: Callable[[float], None] = sleep,
    ) -> None:
        self.units_a_second = self._rate = units_a_second
        self._clock = clock
        self._rest = rest
        self._free_at = clock()
        self._rows = FIRST_ROWS

    def limit(self) -> dict[str, int]:
        """How many rows the next read should ask for, as its arguments.

        Few enough that reads are spread evenly: a page of a megabyte takes 256 units at once, of
        the 3,000 a second that a partition has for all its readers.
        """
        return {} if self._rate is None else {"Limit": self._rows}

    def spend(self, page: Mapping[str, Any]) -> None:
        """Account for a page that was read, and wait until the next read may go out."""
        if self._rate is None:
            return
        units: float = page.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0)
        if units:
            rows = max(page.get("ScannedCount", 0), 1)
            wanted = max(self._rate / READS_A_SECOND, LEAST_UNITS)
            self._rows = max(1, int(wanted * rows / units))
        now = self._clock()
        self._free_at = max(self._free_at, now) + units / self._rate
        if self._free_at > now:
            self._rest(self._free_at - now)


class Scanned(NamedTuple):
    """What some pages held."""

    rows: int
    cursors: Mapping[int, Any]
    """Segment -> where its scan goes on, or `DONE`."""
    shares: Sequence[Shares]
    """One for each of the placers."""


@dataclass(frozen=True)
class Scan:
    """What is scanned, and for which tallies."""

    table: str
    key: Sequence[str]
    """The attributes of its key."""
    segments: int
    placers: Sequence[Placer]

    def read(
        self, client: "DynamoDBClient", starts: Mapping[int, Any], pace: Pace
    ) -> Generator[Scanned]:
        """All rows of some segments; `starts` says where each goes on, None for its beginning."""
        read = dict.fromkeys(
            [*self.key, *(name for placer in self.placers for name in placer.attributes)]
        )
        # It costs as many read units as whole rows do, but saves sending and decoding wide ones.
        names = {f"#{number}": name for number, name in enumerate(read)}

        def page(segment: int, start: Mapping[str, Any] | None) -> Any:
            where: dict[str, Any] = {} if start is None else {"ExclusiveStartKey": start}
            where |= pace.limit()
            return client.scan(
                TableName=self.table,
                ConsistentRead=True,
                TotalSegments=self.segments,
                Segment=segment,
                ProjectionExpression=", ".join(names),
                ExpressionAttributeNames=names,
                ReturnConsumedCapacity="TOTAL",
                **where,
            )

        combiners = [Combiner() for _ in self.placers]
        cursors: dict[int, Any] = {}
        held = rows = 0
        with closing(_side_by_side(page, starts)) as pages:
            for segment, found in pages:
                pace.spend(found)
                cursors[segment] = found.get("LastEvaluatedKey") or DONE
                images = [(key_text(item, self.key), image_of(item)) for item in found["Items"]]
                for placer, combiner in zip(self.placers, combiners, strict=True):
                    combiner.add([(text, placer.place(image)) for text, image in images])
                held += len(images)
                rows += len(images)
                full = any(combiner.is_full for combiner in combiners)
                if full or held * _SHARE_HELD >= rows or held >= _MAX_HELD:
                    yield Scanned(held, cursors, [combiner.take() for combiner in combiners])
                    cursors, held = {}, 0
        if cursors:
            yield Scanned(held, cursors, [combiner.take() for combiner in combiners])


def _side_by_side(
    page: Callable[[int, Any], Any], starts: Mapping[int, Any]
) -> Generator[tuple[int, Any]]:
    """The pages of segments, as they come."""
    left = deque(starts.items())
    with ThreadPoolExecutor(SEGMENTS) as threads:
        waiting: dict[Future[Any], int] = {}
        try:
            while left or waiting:
                while left and len(waiting) < SEGMENTS:
                    segment, start = left.popleft()
                    waiting[threads.submit(page, segment, start)] = segment
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    segment = waiting.pop(future)
                    found = future.result()
                    following = found.get("LastEvaluatedKey")
                    if following is not None:
                        waiting[threads.submit(page, segment, following)] = segment
                    yield segment, found
        finally:
            for future in waiting:
                future.cancel()


def far(spill: Spill) -> str:
    """How far the scan has come; equal for spills that one scan can continue."""
    return repr([spill.fact(_cursor(segment)) for segment in range(_segments(spill))])


def _segments(spill: Spill) -> int:
    return int(spill.fact(_SEGMENTS) or 0)


def scan_source(
    read: Callable[[Scan, Mapping[int, Any]], Generator[Scanned]],
    table: str,
    key: Sequence[str],
    into: Sequence[tuple[Placer, Spill]],
    *,
    segments: int,
    on_rows: Callable[[int], None],
) -> None:
    """Bring all rows of the source into each spill, except those that it has from before.

    All spills are equally far. `read` reads given segments of a scan, each from where it begins;
    `segments` is into how many a scan that has not begun yet is divided. `on_rows` is called with
    how many rows came.
    """
    (_, any_spill), *_ = into
    segments = _segments(any_spill) or segments
    starts = {segment: any_spill.fact(_cursor(segment)) for segment in range(segments)}
    starts = {segment: start for segment, start in starts.items() if start != DONE}
    scan = Scan(table, key, segments, [placer for placer, _ in into])
    with closing(read(scan, starts)) as parts:
        for part in parts:
            for (_, spill), shares in zip(into, part.shares, strict=True):
                cursors = {_cursor(segment): start for segment, start in part.cursors.items()}
                spill.add({**cursors, _SEGMENTS: segments}, shares)
            on_rows(part.rows)


def _cursor(segment: int) -> str:
    return f"segment {segment}"
