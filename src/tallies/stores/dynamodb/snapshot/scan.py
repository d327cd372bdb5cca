"""Scanning the source: in parallel segments, at a bounded rate, going on where it stopped."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from tallies.stores.dynamodb.snapshot.spill import Spill
from tallies.stores.dynamodb.stream import image_of
from tallies.stores.placing import Placer, key_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SEGMENTS = 4
"""Parts of the source that are scanned side by side."""
READS_A_SECOND = 50
"""At a bounded rate."""
LEAST_UNITS = 8
"""Of one read. Each is rounded up to a whole one."""
FIRST_ROWS = 50
"""As many as are asked for before it is known how large they are."""
_DONE = "done"


class Pace:
    """Keeps what is read to so many read units a second."""

    def __init__(
        self,
        units_a_second: float | None,
        *,
        clock: Callable[[], float] = monotonic,
        rest: Callable[[float], None] = sleep,
    ) -> None:
        self._rate = units_a_second
        self._clock = clock
        self._rest = rest
        self._free_at = clock()
        self._rows = FIRST_ROWS

    def limit(self) -> dict[str, int]:
        """How many rows the next read should ask for, as its arguments.

        Few enough that reads come evenly: a page of a megabyte takes 256 units at once, from a
        partition that has 3,000 a second for everybody.
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


def far(spill: Spill) -> str:
    """How far the scan has come; the same for spills that can go on with one."""
    return repr([spill.fact(_cursor(segment)) for segment in range(SEGMENTS)])


def scan_source(
    client: "DynamoDBClient",
    table: str,
    key: Sequence[str],
    into: Sequence[tuple[Placer, Spill]],
    *,
    pace: Pace,
    on_rows: Callable[[int], None],
) -> None:
    """Bring all rows of the source into each spill, those excepted that it has from before.

    All of them are equally far. `on_rows` hears how many rows came with each page.
    """
    (_, any_spill), *_ = into
    read = dict.fromkeys([*key, *(name for placer, _ in into for name in placer.attributes)])
    # It costs as many read units as whole rows, but wide ones need not be sent and read.
    names = {f"#{number}": name for number, name in enumerate(read)}

    def page(segment: int, start: Mapping[str, Any] | None) -> Any:
        where: dict[str, Any] = {} if start is None else {"ExclusiveStartKey": start}
        where |= pace.limit()
        return client.scan(
            TableName=table,
            ConsistentRead=True,
            TotalSegments=SEGMENTS,
            Segment=segment,
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
            ReturnConsumedCapacity="TOTAL",
            **where,
        )

    with ThreadPoolExecutor(SEGMENTS) as threads:
        waiting: dict[Future[Any], int] = {}
        for segment in range(SEGMENTS):
            start = any_spill.fact(_cursor(segment))
            if start != _DONE:
                waiting[threads.submit(page, segment, start)] = segment
        try:
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    segment = waiting.pop(future)
                    found = future.result()
                    pace.spend(found)
                    following = found.get("LastEvaluatedKey")
                    if following is not None:
                        waiting[threads.submit(page, segment, following)] = segment
                    rows = [(key_text(item, key), image_of(item)) for item in found["Items"]]
                    for placer, spill in into:
                        placed = [(text, placer.place(image)) for text, image in rows]
                        spill.add_page(_cursor(segment), following or _DONE, placed)
                    on_rows(len(rows))
        finally:
            for future in waiting:
                future.cancel()


def _cursor(segment: int) -> str:
    return f"segment {segment}"
