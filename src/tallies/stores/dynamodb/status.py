"""The status of a store: how far its tallies are behind, who aggregates, and what is wrong."""

from tallies.core.errors import WrongStore
from tallies.stores.clock import Clock
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.catalog.catalog import Catalog
from tallies.stores.dynamodb.catalog.settings import Settings
from tallies.stores.dynamodb.client.errors import HistoryTrimmed
from tallies.stores.dynamodb.stream.backlog import Backlog
from tallies.stores.dynamodb.stream.leases import Leases
from tallies.stores.dynamodb.stream.stream import Stream
from tallies.stores.status import Status


def status_of(
    catalog: Catalog,
    settings: Settings,
    stream: Stream,
    backlog: Backlog,
    leases: Leases,
    parked: Parked,
    clock: Clock,
) -> Status:
    """What is so now; `catalog` and `stream` have just been looked up."""
    oldest: float | None = None
    lost = _another_stream(catalog, settings, stream.arn)
    try:
        oldest = backlog.oldest()
    except HistoryTrimmed as trimmed:
        lost.append(str(trimmed))
    roll = leases.roll()
    troubles = roll.troubles() or lost
    now = clock()
    behind = None if oldest is None else max(0.0, now.timestamp() - oldest)
    return Status(
        source=catalog.base.source,
        source_rows=None,
        lag_records=0 if behind is None and not lost else None,
        lag_seconds=None if lost else behind or 0.0,
        parked=parked.count(),
        aggregator=", ".join(roll.alive(now)) or None,
        details={
            "source": catalog.base.source,
            "tables": ", ".join(version.table for version in (*catalog.live, *catalog.building)),
            "layout": "; ".join(dict.fromkeys(str(version.layout) for version in catalog.live)),
            "stream": stream.arn,
            **({"trouble": " ".join(troubles)} if troubles else {}),
        },
    )


def _another_stream(catalog: Catalog, settings: Settings, now: str) -> list[str]:
    if settings.stream in (None, now):
        return []
    try:
        settings.check_replica(now)
    except WrongStore as elsewhere:
        return [str(elsewhere)]
    return [
        f"The change stream of {catalog.base.source} was made anew, and what was written in"
        " between is in neither; `tallies rebuild` makes the tallies right again."
    ]
