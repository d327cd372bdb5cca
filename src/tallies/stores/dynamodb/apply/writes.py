"""Writes: the result of a fold as actions of a transaction, each with its lane and its size."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from tallies.core.boards.buckets import bucket_of
from tallies.core.fold import Deltas, Folder, Parked
from tallies.core.tally import Number
from tallies.core.times import canonical_time
from tallies.core.windows import parse_window
from tallies.stores.dynamodb.apply.content import parked_items
from tallies.stores.dynamodb.apply.progress import END, group_lane
from tallies.stores.dynamodb.rows.keys import MARKER, TableNames, reserved_key, row_key
from tallies.stores.dynamodb.rows.ranking import BUCKET, ranked_component, ranking_key
from tallies.stores.dynamodb.stream.records import StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

MARKER_KEPT = timedelta(days=3)
"""A stream delivers a record for 24 hours; the rest is a margin for clocks and for dead letters."""

ROW_KEPT = timedelta(days=1)
"""How much longer than its retention a row stays. The last addition is decided on before the
retention ends, and may be applied some time later, by another clock: it must still find the row, or
it would create a new one, below zero."""

_ROW_BYTES = 250
"""A generous estimate of a row's size without its group."""


class Write(NamedTuple):
    """One action of a transaction."""

    lane: str
    action: "TransactWriteItemTypeDef"
    size: int
    """Bytes, rounded up."""


class _Home(NamedTuple):
    """What is the same for all rows of a window."""

    ranking: str
    """The leaderboard that the rows enter; empty for none."""
    until: str
    """When the rows expire, in seconds since 1970; empty for never."""
    expression: str
    names: Mapping[str, str]
    buckets: bool
    """Whether the leaderboard is ordered by buckets."""


class Writer:
    """Makes the writes for the tallies of one source."""

    def __init__(self, names: TableNames, folders: Sequence[Folder]) -> None:
        self.names = names
        self.tallies = [folder.tally for folder in folders]
        self._rows = {folder.tally.name: _TallyRows(names, folder) for folder in folders}

    def rows(
        self, deltas: Mapping[str, Deltas], now: datetime, start: str = "", end: str = END
    ) -> list[Write]:
        """The additions to rows in the lanes from `start` to before `end`."""
        updated_at: AttributeValueTypeDef = {"S": canonical_time(now)}
        lanes: dict[str, str] = {}
        writes: list[Write] = []
        for tally, found in deltas.items():
            rows = self._rows[tally]
            same: dict[tuple[str, str, tuple[Number, ...]], dict[str, AttributeValueTypeDef]] = {}
            for (group, window), amounts in found.items():
                first = lanes.get(group)
                if first is None:
                    first = lanes[group] = group_lane(group)
                lane = f"{first}/{tally}/{window}"
                if start <= lane < end:
                    home = rows.home(window)
                    entered = home.ranking and ranking_key(window, first, rows.ranking_shards)
                    # Most rows of a batch get the same values: one more, in the windows of today.
                    values = same.get((entered, home.until, amounts))
                    if values is None:
                        values = same[entered, home.until, amounts] = {":at": updated_at}
                        if entered:
                            values[":ranking"] = {"S": entered}
                        if home.buckets:
                            # Right for a new row; the others keep their bucket (see `buckets`).
                            values[":bucket"] = {"N": str(bucket_of(amounts[rows.ranked]))}
                        if home.until:
                            values[":until"] = {"N": home.until}
                        for name, amount in zip(rows.placeholders, amounts, strict=True):
                            values[name] = {"N": str(amount)}
                    action: TransactWriteItemTypeDef = {
                        "Update": {
                            "TableName": rows.table,
                            "Key": row_key(group, window),
                            "UpdateExpression": home.expression,
                            "ExpressionAttributeNames": home.names,
                            "ExpressionAttributeValues": values,
                        }
                    }
                    writes.append(Write(lane, action, _ROW_BYTES + 4 * len(group)))
        return writes

    def ranked_amount(self, tally: str, amounts: Sequence[Number]) -> Number:
        """The one of a tally's amounts that leaderboards order by."""
        return amounts[self._rows[tally].ranked]

    def is_in_rows(self, tally: str) -> bool:
        """Whether a tally's rows hold their own positions."""
        return self.names.layout(tally).guard == "rows"

    def parked(
        self,
        parked: Iterable[Parked],
        records: Mapping[str, StreamRecord],
        now: datetime,
        start: str = "",
        end: str = END,
    ) -> list[Write]:
        """The rows that keep what could not be folded; `records` maps positions to records."""
        writes: list[Write] = []
        for each in parked:
            record = records[each.change.position]
            lane = f"{group_lane(record.event_id)}/parked/{each.tally}"
            if start <= lane < end:
                for item, size in parked_items(each, record, now):
                    action: TransactWriteItemTypeDef = {
                        "Put": {"TableName": self.names.tallies, "Item": item}
                    }
                    writes.append(Write(lane, action, size))
        return writes

    def markers(self, records: Iterable[StreamRecord], now: datetime) -> list[Write]:
        """The rows that mark records as applied, each on condition that it is new."""
        until = str(ceil((now + MARKER_KEPT).timestamp()))
        return [
            Write(
                "",
                {
                    "Put": {
                        "TableName": self.names.tallies,
                        "Item": {
                            **reserved_key(MARKER, record.event_id),
                            "expires_at": {"N": until},
                        },
                        "ConditionExpression": "attribute_not_exists(time_window)",
                    }
                },
                _ROW_BYTES,
            )
            for record in records
        ]


class _TallyRows:
    """How rows of one tally are written."""

    def __init__(self, names: TableNames, folder: Folder) -> None:
        self._folder = folder
        self._homes: dict[str, _Home] = {}
        components = folder.tally.components
        self.table = names.rows(folder.tally.name)
        layout = names.layout(folder.tally.name)
        self.ranking_shards = layout.ranking_shards
        self._buckets = layout.ranking == "buckets"
        self.ranked = components.index(ranked_component(folder.tally))
        """The index of the amount that leaderboards order by."""
        self.placeholders = [f":{index}" for index in range(len(components))]
        # Names of measures are the user's own, and may be words that DynamoDB reserves.
        self._names = {f"#{index}": name for index, name in enumerate(components)}
        self._add = " ADD " + ", ".join(f"#{index} :{index}" for index in range(len(components)))

    def home(self, window: str) -> _Home:
        home = self._homes.get(window)
        if home is None:
            tally = self._folder.tally
            expiry = self._folder.expiry(window)
            ranking = window if parse_window(window).kind in tally.ranked else ""
            kept = ROW_KEPT.total_seconds()
            end = "" if expiry is None else str(ceil(expiry.timestamp() + kept))
            buckets = bool(ranking) and self._buckets
            expression = (
                "SET updated_at = :at"
                + (", ranking = :ranking" if ranking else "")
                + (", #bucket = if_not_exists(#bucket, :bucket)" if buckets else "")
                + (", expires_at = :until" if end else "")
                + self._add
            )
            names = {**self._names, "#bucket": BUCKET} if buckets else self._names
            home = self._homes[window] = _Home(ranking, end, expression, names, buckets)
        return home
