"""Leases: which worker reads which shard, as rows of the tallies table under reserved keys.

A lease only saves work. Exactness does not rest on it: if two workers read one shard at once, the
guard still lets each record through only once.

A live worker keeps raising the count in its row; no clocks are compared. A worker whose count has
not moved for a while, by the clock of the worker that looks, counts as dead, and its shards are
free.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tallies.core.times import canonical_time, parse_time
from tallies.stores.clock import Clock
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.client.paging import rows
from tallies.stores.dynamodb.rows.keys import LEASE, reserved_group, row_key
from tallies.stores.dynamodb.stream.stream import Shard

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

WORKER_KEPT = timedelta(hours=1)
"""How long the row of a dead worker stays."""
LEASE_KEPT = timedelta(days=3)
"""A shard is in the stream for little more than a day, and its children look back at it."""
SEEN_LATELY = timedelta(seconds=30)
"""`tallies status`, which looks only once, shows workers that counted within this time as alive."""

_WORKER, _SHARD = "worker/", "shard/"


@dataclass(frozen=True, slots=True)
class Lease:
    """What the row of a shard says."""

    holder: str | None = None
    """The worker that reads it."""
    finished: bool = False
    """All of its records are accounted for, and no more will come."""
    trouble: str | None = None
    """Why its records cannot be applied, as one sentence."""


@dataclass(frozen=True, slots=True)
class Roll:
    """All rows, as they are at one moment."""

    beats: Mapping[str, int] = field(default_factory=dict)
    """Worker -> its count."""
    seen: Mapping[str, datetime] = field(default_factory=dict)
    """Worker -> when it last counted, by its own clock. Only for people to read."""
    leases: Mapping[str, Lease] = field(default_factory=dict)
    """Shard -> its row."""

    @property
    def finished(self) -> set[str]:
        """The shards that are finished."""
        return {shard for shard, lease in self.leases.items() if lease.finished}

    @property
    def troubled(self) -> dict[str, str]:
        """Shard -> what is wrong with it."""
        return {shard: lease.trouble for shard, lease in self.leases.items() if lease.trouble}

    def troubles(self) -> list[str]:
        """What keeps records from being applied; each sentence once."""
        return sorted(set(self.troubled.values()))

    def alive(self, now: datetime) -> list[str]:
        """The workers that seem to be alive, judged by clocks."""
        return sorted(worker for worker, at in self.seen.items() if now - at < SEEN_LATELY)


class Leases:
    """The rows of all workers and shards of one source. Threads may share it."""

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._client = explained(client, f"table {table}")
        self._table = table
        self._clock = clock

    def roll(self) -> Roll:
        """Read all rows."""
        beats: dict[str, int] = {}
        seen: dict[str, datetime] = {}
        leases: dict[str, Lease] = {}
        found = rows(
            self._client.query,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="#group = :group",
            ExpressionAttributeNames={"#group": "group"},
            ExpressionAttributeValues={":group": {"S": _GROUP}},
        )
        for row in found:
            kind, _, name = row["time_window"]["S"].partition("/")
            if kind == _WORKER[:-1]:
                beats[name] = int(row["beat"]["N"])
                seen[name] = parse_time(row["updated_at"]["S"])
            else:
                texts = {key: value.get("S") for key, value in row.items()}
                leases[name] = Lease(texts.get("holder"), "finished" in row, texts.get("trouble"))
        return Roll(beats, seen, leases)

    def beat(self, worker: str) -> None:
        """Record that a worker is alive."""
        self._set(
            _WORKER + worker,
            "SET updated_at = :now, expires_at = :until ADD beat :one",
            {":one": {"N": "1"}},
            kept=WORKER_KEPT,
        )

    def leave(self, worker: str) -> None:
        """Record that a worker is gone, so that others need not wait to be sure."""
        self._client.delete_item(TableName=self._table, Key=row_key(_GROUP, _WORKER + worker))

    def take(self, shard: str, worker: str, known: Lease) -> bool:
        """Take a shard, if its row still names the known holder; whether it is the worker's now."""
        values: dict[str, AttributeValueTypeDef] = {":worker": {"S": worker}}
        condition = "attribute_not_exists(holder)"
        if known.holder is not None:
            condition = "holder = :known"
            values[":known"] = {"S": known.holder}
        return self._try(
            shard,
            "SET holder = :worker, updated_at = :now, expires_at = :until",
            values,
            f"attribute_not_exists(finished) AND {condition}",
        )

    def give_back(self, shard: str, worker: str) -> bool:
        """Let others take a shard; whether it was the worker's."""
        return self._try(
            shard,
            "SET updated_at = :now, expires_at = :until REMOVE holder",
            {":worker": {"S": worker}},
            "holder = :worker",
        )

    def finish(self, shard: str) -> None:
        """Record that all records of a shard are accounted for, and no more will come."""
        self._set(
            _SHARD + shard,
            "SET finished = :true, updated_at = :now, expires_at = :until REMOVE holder, trouble",
            {":true": {"BOOL": True}},
        )

    def trouble(self, shard: str, sentence: str | None) -> None:
        """Record, for `tallies status`, what is wrong with a shard; None for nothing any more."""
        if sentence is None:
            self._set(_SHARD + shard, "SET updated_at = :now, expires_at = :until REMOVE trouble")
        else:
            self._try(
                shard,
                "SET trouble = :trouble, updated_at = :now, expires_at = :until",
                {":trouble": {"S": sentence}},
                # A rebuild may have accounted for the shard since its row was read.
                "attribute_not_exists(finished)",
            )

    def remember_stream(self, arn: str) -> None:
        """Note which stream is read, in a row like that of a shard: a table whose stream is turned
        off and on has a new one, and what was written in between is in neither."""
        self._set(_SHARD + arn, "SET updated_at = :now, expires_at = :until")

    def account_for(self, shards: Iterable[Shard], arn: str) -> None:
        """Record that all that came before these shards of this stream is in the tallies.

        For a caller that has counted the source itself: shards that have left the stream need no
        reader any more.
        """
        listed = {shard.id: shard for shard in shards}
        gone = {shard.parent for shard in listed.values() if shard.parent}
        known = self.roll()
        for shard_id in (gone | known.leases.keys()) - listed.keys() - known.finished - {arn}:
            self.finish(shard_id)
        for shard_id, lease in known.leases.items():
            if shard_id in listed and lease.trouble:
                self.trouble(shard_id, None)

    def _try(
        self,
        shard: str,
        expression: str,
        values: "dict[str, AttributeValueTypeDef]",
        condition: str,
    ) -> bool:
        try:
            self._set(_SHARD + shard, expression, values, condition)
        except ClientError:  # a condition; other errors come as ours
            return False
        return True

    def _set(
        self,
        name: str,
        expression: str,
        values: "dict[str, AttributeValueTypeDef] | None" = None,
        condition: str | None = None,
        kept: timedelta = LEASE_KEPT,
    ) -> None:
        now = self._clock()
        self._client.update_item(
            TableName=self._table,
            Key=row_key(_GROUP, name),
            UpdateExpression=expression,
            ExpressionAttributeValues={
                **(values or {}),
                ":now": {"S": canonical_time(now)},
                ":until": {"N": str(ceil((now + kept).timestamp()))},
            },
            **({"ConditionExpression": condition} if condition else {}),  # type: ignore[arg-type] # TypedDicts take no unpacked dict
        )


_GROUP = reserved_group(LEASE)
