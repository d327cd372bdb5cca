"""Misplaced rows: those that stay in a wrong bucket of their leaderboard.

A row that has been written waits a moment until it is moved into its bucket. So rows that are found
in wrong buckets are read again: as long as some of them are being moved or written, the others may
come next; when none of them has changed for a while, no program is going to move them.
"""

from collections.abc import Iterable, Sequence
from time import sleep
from typing import TYPE_CHECKING, Any

from tallies.core.amounts import number_of
from tallies.core.boards.buckets import bucket_of
from tallies.stores.dynamodb.apply.buckets import is_unfit
from tallies.stores.dynamodb.client.paging import batch_get
from tallies.stores.dynamodb.rows.keys import row_key
from tallies.stores.dynamodb.rows.ranking import BUCKET
from tallies.stores.dynamodb.snapshot.read.views import Place
from tallies.stores.verified import Drift

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOOK_SECONDS = 1.0
"""The shortest wait between two reads of a row."""
ROUNDS = 60
"""After this many reads, rows that are still in wrong buckets count as misplaced."""


def misplaced(
    client: "DynamoDBClient",
    table: str,
    component: str,
    places: Iterable[Place],
    wait_seconds: float,
) -> Sequence[Drift]:
    """Those of the rows that stay in wrong buckets of `component`, with the right ones."""

    def look(some: Iterable[Place]) -> dict[Place, Any]:
        items = batch_get(client, table, [row_key(*place) for place in some])
        return {
            (item["group"]["S"], item["time_window"]["S"]): item
            for item in items
            if is_unfit(item, component)
        }

    found = look(sorted(places))
    for _ in range(ROUNDS if found else 0):
        sleep(max(wait_seconds, LOOK_SECONDS))
        before, found = found, look(found)
        if found == before:
            break
    return [
        Drift(
            *place,
            expected=bucket_of(number_of(item[component]["N"])),
            actual=number_of(item.get(BUCKET, {"N": "0"})["N"]),
            measure=BUCKET,
        )
        for place, item in sorted(found.items())
    ]
