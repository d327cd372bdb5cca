"""Faults of the buckets that rows are in."""

from collections.abc import Sequence
from typing import Any

from tallies.core.fold import fold
from tallies.stores.dynamodb.apply.batch import ApplyResult, Batch
from tallies.stores.dynamodb.apply.buckets import Buckets, RowName
from tallies.stores.dynamodb.apply.in_transactions.apply import TransactionApply
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.stream.records import StreamRecord
from tests.histories.mutations.mutation import Patch, mutation


@mutation("rows are left in the buckets that they were in", "shard")
def _(patch: Patch) -> None:
    patch.setattr(Buckets, "fit", lambda self, rows, deadline: None)


@mutation("rows are left in the buckets that they were in, under markers", "marked")
def _(patch: Patch) -> None:
    patch.setattr(Buckets, "fit", lambda self, rows, deadline: None)


@mutation("a row is moved to the bucket of an amount that it no longer has", "shard", first=879)
def _(patch: Patch) -> None:
    original = Sender.update

    def update(self: Sender, action: Any, deadline: float) -> None:
        if ":bucket" in action["ExpressionAttributeValues"]:
            action = {**action, "ConditionExpression": "attribute_exists(#amount)"}
        original(self, action, deadline)

    patch.setattr(Sender, "update", update)


@mutation("of rows that are in already the buckets are not looked at", "shard", first=82)
def _(patch: Patch) -> None:
    patch.setattr(TransactionApply, "_rows_of", lambda self, records: [])


@mutation("of rows that are in already, under markers, the buckets are not looked at", "marked")
def _(patch: Patch) -> None:
    patch.setattr(TransactionApply, "_rows_of", lambda self, records: [])


@mutation("rows that are in already, and that cancel out, are not looked at", "shard", first=82)
def _(patch: Patch) -> None:
    def rows_of(self: TransactionApply, records: Sequence[StreamRecord]) -> list[RowName]:
        now = self._clock()
        folded = fold(self._folders, [record.change for record in records], now)
        return self.buckets.written(self._writer.rows(folded.deltas, now))

    patch.setattr(TransactionApply, "_rows_of", rows_of)


@mutation("of rows in lanes that are ahead the buckets are not looked at", "shard", first=5974)
def _(patch: Patch) -> None:
    patch.setattr(Batch, "meets", lambda self, progress: None)


@mutation("a batch whose rows are not in their buckets yet is called done", "shard")
def _(patch: Patch) -> None:
    original = Batch.result

    def result(self: Batch, *arguments: Any, unfit: bool = False) -> ApplyResult:
        return original(self, *arguments)

    patch.setattr(Batch, "result", result)
