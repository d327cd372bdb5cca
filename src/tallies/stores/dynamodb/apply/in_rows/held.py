"""Which records are in rows that hold their own positions, beyond what is noted of their shard."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tallies.core.fold import Folder, fold
from tallies.stores.clock import Clock
from tallies.stores.dynamodb.apply.in_rows.slot import Slot
from tallies.stores.dynamodb.catalog.catalog import Catalog
from tallies.stores.dynamodb.client.paging import batch_get
from tallies.stores.dynamodb.rows.keys import TableNames, row_key
from tallies.stores.dynamodb.stream.backlog import Lacking
from tallies.stores.dynamodb.stream.records import StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def lacking(client: "DynamoDBClient", catalog: Catalog, clock: Clock) -> Lacking:
    """A function that selects the records of a shard that some row of some tally lacks."""
    return lambda known, records: _not_in_rows(
        client, catalog.names, catalog.folders(), known.slot, records, clock()
    )


def _not_in_rows(
    client: "DynamoDBClient",
    tables: TableNames,
    folders: Sequence[Folder],
    slot: Slot | None,
    records: Sequence[StreamRecord],
    now: datetime,
) -> list[StreamRecord]:
    if slot is None:
        return list(records)
    waiting: dict[str, StreamRecord] = {}
    for folder in folders:
        name = folder.tally.name
        of_row: dict[tuple[str, str], list[StreamRecord]] = {}
        for record in records:
            deltas = fold([folder], [record.change], now).deltas[name]
            for row in deltas:
                of_row.setdefault(row, []).append(record)
        held = dict.fromkeys(of_row, "")
        for item in batch_get(client, tables.rows(name), [row_key(*row) for row in of_row]):
            at = slot.held(item)
            if at is None:
                at = records[-1].change.position
            held[item["group"]["S"], item["time_window"]["S"]] = at
        for row, its in of_row.items():
            waiting |= {r.change.position: r for r in its if r.change.position > held[row]}
    return [waiting[position] for position in sorted(waiting)]
