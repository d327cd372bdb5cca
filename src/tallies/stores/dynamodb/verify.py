"""Proof: every tally beside GROUP BY over the source."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tallies.core.errors import InvalidTime, StoreUnavailable, Unfoldable
from tallies.core.fold import Folder, fold
from tallies.core.groups import group_text
from tallies.core.tally import Tally
from tallies.core.times import parse_time
from tallies.core.windows import Window, window_name
from tallies.stores.dynamodb.backlog import Backlog, ShardBacklog
from tallies.stores.dynamodb.keys import is_reserved
from tallies.stores.dynamodb.lanes import row_lane
from tallies.stores.dynamodb.paging import rows
from tallies.stores.dynamodb.read import ranked_component
from tallies.stores.dynamodb.stream import image_of
from tallies.stores.protocol import Drift, Verified

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SEGMENTS = 4
"""Parts of the source that are scanned side by side."""
TRIES = 3

Totals = Counter[tuple[str, str]]
"""(group, window) -> rows."""


def verify(
    client: "DynamoDBClient", source: str, tallies: str, tally: Tally, backlog: Backlog
) -> Verified:
    """Compare every row of a counting tally with the source, changing nothing.

    Records on their way are told apart from drift. It takes a while in which nothing is written
    and nothing applied, since the tables cannot be read in one snapshot.

    Raises:
        StoreUnavailable: something moved each time.
    """
    for _ in range(TRIES):
        before = list(backlog.shards())
        expected = _group_by(client, source, tally)
        actual = _tallies(client, tallies, tally)
        if _same(before, list(backlog.shards())):
            return _compare(expected, actual, _pending(before, tally))
    raise StoreUnavailable(
        "The table was written to, or records were applied, while it was compared; verify again"
        " at a quiet time."
    )


def _compare(expected: Totals, actual: Totals, pending: Totals) -> Verified:
    for key, count in pending.items():
        expected[key] -= count
    keys = sorted(expected.keys() | actual.keys())
    drifted = [
        Drift(group, window, expected[group, window], actual[group, window])
        for group, window in keys
        if expected[group, window] != actual[group, window]
    ]
    return Verified(sum(bool(expected[key] or actual[key]) for key in keys), drifted)


def _group_by(client: "DynamoDBClient", source: str, tally: Tally) -> Totals:
    def segment(number: int) -> Totals:
        return _count(
            rows(
                client.scan,
                TableName=source,
                ConsistentRead=True,
                TotalSegments=SEGMENTS,
                Segment=number,
            ),
            tally,
        )

    with ThreadPoolExecutor(SEGMENTS) as threads:
        return sum(threads.map(segment, range(SEGMENTS)), Totals())


def _count(items: Any, tally: Tally) -> Totals:
    # Row by row, on purpose: the fold that made the tallies takes no part in checking them.
    zone = ZoneInfo(tally.zone)
    found: Totals = Totals()
    for item in items:
        try:
            image = image_of(item)
            if not tally.admits(image):
                continue
            group = group_text([image[name] for name in tally.group_by])
            moment = parse_time(image[tally.time]) if tally.time else None
        except (KeyError, Unfoldable, InvalidTime):
            continue  # it is parked
        for kind in tally.windows:
            found[group, _window(kind, moment, zone)] += 1
    return found


def _window(kind: Window, moment: Any, zone: ZoneInfo) -> str:
    return "all" if moment is None else window_name(kind, moment.astimezone(zone))


def _tallies(client: "DynamoDBClient", table: str, tally: Tally) -> Totals:
    measure = ranked_component(tally)
    found: Totals = Totals()
    for item in rows(client.scan, TableName=table, ConsistentRead=True):
        group = item["group"]["S"]
        if not is_reserved(group):
            found[group, item["time_window"]["S"]] = int(item[measure]["N"])
    return found


def _pending(backlog: Sequence[ShardBacklog], tally: Tally) -> Totals:
    """What the records on their way will add."""
    found: Totals = Totals()
    folder = Folder(tally)
    for part in backlog:
        for run in part.known.progress.runs:
            changes = [r.change for r in part.records if r.change.position > run.position]
            for (group, window), (count, *_) in fold([folder], changes).deltas[tally.name].items():
                if run.start <= row_lane(group, tally.name, window) < run.end:
                    found[group, window] += int(count)
    return found


def _same(before: Sequence[ShardBacklog], after: Sequence[ShardBacklog]) -> bool:
    def state(parts: Sequence[ShardBacklog]) -> list[object]:
        return [
            (part.shard.id, part.known, [record.event_id for record in part.records])
            for part in parts
        ]

    return state(before) == state(after)
