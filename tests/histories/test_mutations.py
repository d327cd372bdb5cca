"""The histories can fail: each fault that is put into the product here is found by one of them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import HTTPClientError

from tallies.core.fold import fold
from tallies.stores.dynamodb.apply import transactions, writes
from tallies.stores.dynamodb.apply.batch import ApplyResult, Batch
from tallies.stores.dynamodb.apply.buckets import Buckets, RowName
from tallies.stores.dynamodb.apply.in_rows import apply as in_row
from tallies.stores.dynamodb.apply.in_rows import updates
from tallies.stores.dynamodb.apply.in_rows.slot import Slot
from tallies.stores.dynamodb.apply.in_rows.slots import Slots
from tallies.stores.dynamodb.apply.in_rows.writer import RowWriter
from tallies.stores.dynamodb.apply.in_transactions import apply as in_transactions
from tallies.stores.dynamodb.apply.in_transactions.apply import TransactionApply
from tallies.stores.dynamodb.apply.in_transactions.guard import Guard
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.apply.position import Known
from tallies.stores.dynamodb.apply.progress import END, Progress
from tallies.stores.dynamodb.apply.transactions import Part, Refused, Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.stream import records as change_records
from tallies.stores.dynamodb.stream.records import StreamRecord
from tests.histories.fake import FakeDynamoDB
from tests.histories.history import Mode, Wrong, play

HISTORIES = 3_000
"""Fewer than `test_histories` plays."""

Patch = pytest.MonkeyPatch
MUTATIONS: dict[str, tuple[Mode, int, Callable[[Patch], None]]] = {}


def mutation(name: str, mode: Mode, first: int = 0) -> Callable[[Callable[[Patch], None]], None]:
    """A fault, and the history to begin with: one that has found it, where few do."""

    def keep(mutate: Callable[[Patch], None]) -> None:
        MUTATIONS[name] = mode, first, mutate

    return keep


def _edit_move(patch: Patch, edit: Callable[[dict[str, Any]], None]) -> None:
    original = Guard.move

    def move(self: Guard, *arguments: Any) -> Any:
        update: Any = original(self, *arguments)
        edit(update)
        return update

    patch.setattr(Guard, "move", move)


@mutation("the guard has no condition", "shard")
def _(patch: Patch) -> None:
    def edit(update: dict[str, Any]) -> None:
        del update["ConditionExpression"]

    _edit_move(patch, edit)


@mutation("the guard takes a batch whose first record is in", "shard")
def _(patch: Patch) -> None:
    def edit(update: dict[str, Any]) -> None:
        update["ConditionExpression"] = update["ConditionExpression"].replace(
            "#position < :first", "attribute_exists(#position)"
        )

    _edit_move(patch, edit)


@mutation("the guard overlooks lanes that are ahead", "shard")
def _(patch: Patch) -> None:
    def edit(update: dict[str, Any]) -> None:
        update["ConditionExpression"] = update["ConditionExpression"].replace(
            "attribute_not_exists(ahead) AND ", ""
        )

    _edit_move(patch, edit)


@mutation("the guard overlooks that another one has moved", "shard")
def _(patch: Patch) -> None:
    def edit(update: dict[str, Any]) -> None:
        if update["ConditionExpression"] == "revision = :known":
            update["ConditionExpression"] = "attribute_exists(revision)"

    _edit_move(patch, edit)


@mutation("every refusal is taken for the own move", "shard")
def _(patch: Patch) -> None:
    def found(self: Guard, known: Known) -> bool:
        self._known = known
        return True

    patch.setattr(Guard, "found", found)


@mutation("a refused guard goes on without looking", "shard")
def _(patch: Patch) -> None:
    def found(self: Guard, known: Known) -> bool:
        self._known = Known(self.progress, known.revision)
        return False

    patch.setattr(Guard, "found", found)


@mutation("a part moves all lanes", "shard")
def _(patch: Patch) -> None:
    patch.setattr(Progress, "moved", lambda self, end, to: Progress(max(self.position, to)))


@mutation("a part moves lanes back", "shard")
def _(patch: Patch) -> None:
    original = Progress.moved

    def moved(self: Progress, end: str, to: str) -> Progress:
        return Progress(to) if end == END else original(self, end, to)

    patch.setattr(Progress, "moved", moved)


@mutation("a part ends one row too late", "shard")
def _(patch: Patch) -> None:
    original = transactions.pack

    def pack(*arguments: Any) -> list[Part]:
        parts = original(*arguments)
        return [
            Part(part.end if part.end == END else part.end + "~", part.writes) for part in parts
        ]

    patch.setattr(in_transactions, "pack", pack)


@mutation("a part ends one row too early", "shard")
def _(patch: Patch) -> None:
    original = transactions.pack

    def pack(*arguments: Any) -> list[Part]:
        return [
            Part(part.end if part.end == END else part.writes[-1].lane, part.writes)
            for part in original(*arguments)
        ]

    patch.setattr(in_transactions, "pack", pack)


@mutation("rows are written whatever their lanes", "shard")
def _(patch: Patch) -> None:
    original = Writer.rows
    patch.setattr(
        Writer, "rows", lambda self, deltas, now, start="", end=END: original(self, deltas, now)
    )


@mutation("positions are compared as numbers of unequal length", "shard")
def _(patch: Patch) -> None:
    patch.setattr(change_records, "POSITION_DIGITS", 1)


@mutation("a batch that is not all in is called done", "shard")
def _(patch: Patch) -> None:
    original = TransactionApply._commit

    def commit(self: TransactionApply, known: Guard, batch: Any, part: Part) -> bool:
        try:
            return original(self, known, batch, part)
        except transactions.OutOfTime:
            return True

    patch.setattr(TransactionApply, "_commit", commit)


@mutation("one token for all transactions", "shard")
def _(patch: Patch) -> None:
    original = Sender.transact

    def transact(self: Sender, actions: Any, deadline: float) -> None:
        kept, self.new_token = self.new_token, lambda: "token"
        try:
            original(self, actions, deadline)
        finally:
            self.new_token = kept

    patch.setattr(Sender, "transact", transact)


@mutation("a lost answer is taken for a yes", "shard")
def _(patch: Patch) -> None:
    original = Sender._commit

    def commit(self: Sender, send: Callable[[], object], deadline: float) -> None:
        def hopeful() -> None:
            try:
                send()
            except HTTPClientError:
                return

        original(self, hopeful, deadline)

    patch.setattr(Sender, "_commit", commit)


@mutation("what cannot be folded is dropped", "shard")
def _(patch: Patch) -> None:
    patch.setattr(Writer, "parked", lambda *arguments: [])


@mutation("records are parked in the lane of another stretch", "shard")
def _(patch: Patch) -> None:
    original = Writer.parked

    def parked(self: Writer, *arguments: Any) -> list[writes.Write]:
        return [each._replace(lane="g") for each in original(self, *arguments)]

    patch.setattr(Writer, "parked", parked)


@mutation("a parked record is retried though it is gone", "shard")
def _(patch: Patch) -> None:
    def removals(self: Parked, items: list[Any]) -> Any:
        actions = original(self, items)
        for action in actions:
            del action["Delete"]["ConditionExpression"]
        return actions

    original: Any = Parked._removals
    patch.setattr(Parked, "_removals", removals)


@mutation("windows that are over get additions", "shard")
def _(patch: Patch) -> None:
    patch.setattr(in_transactions, "fold", lambda folders, changes, now: fold(folders, changes))


def _edit_row(patch: Patch, edit: Callable[[dict[str, Any]], None]) -> None:
    original = updates.guarded

    def guarded(*arguments: Any) -> Any:
        update: Any = original(*arguments)
        edit(update)
        return update

    patch.setattr(updates, "guarded", guarded)


@mutation("rows have no condition", "rows")
def _(patch: Patch) -> None:
    _edit_row(patch, lambda update: update.pop("ConditionExpression"))


@mutation("rows take a batch whose first record they hold", "rows")
def _(patch: Patch) -> None:
    def edit(update: dict[str, Any]) -> None:
        update["ExpressionAttributeValues"][":first"] = update["ExpressionAttributeValues"][":last"]

    _edit_row(patch, edit)


@mutation("rows do not keep their position", "rows")
def _(patch: Patch) -> None:
    def edit(update: dict[str, Any]) -> None:
        values = update["ExpressionAttributeValues"]
        values[":last"] = {"B": values[":last"]["B"][:4] + b"\0" * 17}

    _edit_row(patch, edit)


@mutation("a row that is brought into another bucket takes what it holds", "rows")
def _(patch: Patch) -> None:
    original = updates.moving

    def moving(*arguments: Any) -> Any:
        update: Any = original(*arguments)
        return {**update, "ConditionExpression": "#amount = :amount"}

    patch.setattr(updates, "moving", moving)


@mutation("a row of another amount than is thought is taken for done", "rows")
def _(patch: Patch) -> None:
    original = RowWriter._learnt

    def learnt(self: RowWriter, *arguments: Any) -> Any:
        try:
            return original(self, *arguments)
        except Refused as refused:
            return refused.item

    patch.setattr(RowWriter, "_learnt", learnt)


@mutation("a refused row is taken for done", "rows")
def _(patch: Patch) -> None:
    patch.setattr(Slot, "held", lambda self, item: None)


@mutation("a refused row gets the whole batch again", "rows")
def _(patch: Patch) -> None:
    original = in_row._Work.after
    patch.setattr(in_row._Work, "after", lambda self, position: original(self, ""))


@mutation("rows whose additions cancel out are not touched", "rows")
def _(patch: Patch) -> None:
    patch.setattr(in_row, "fold", lambda folders, changes, now, zeros: fold(folders, changes, now))


@mutation("all shards hold one slot", "rows", first=30)
def _(patch: Patch) -> None:
    patch.setattr(Slots, "_free", lambda *_: 0)


@mutation("a row that was not written is called done", "rows", first=200)
def _(patch: Patch) -> None:
    original = in_row._Work.settle
    patch.setattr(in_row._Work, "settle", lambda *arguments: original(*arguments) and None)


@mutation("what cannot be folded for rows is dropped", "rows")
def _(patch: Patch) -> None:
    patch.setattr(RowWriter, "park", lambda *_: False)


@mutation("markers have no condition", "marked")
def _(patch: Patch) -> None:
    original = Writer.markers

    def markers(self: Writer, *arguments: Any) -> list[writes.Write]:
        found: Any = original(self, *arguments)
        for write in found:
            del write.action["Put"]["ConditionExpression"]
        return list(found)

    patch.setattr(Writer, "markers", markers)


@mutation("records beside one that is in are dropped", "marked")
def _(patch: Patch) -> None:
    original = Sender.transact

    def transact(self: Sender, actions: Any, deadline: float) -> None:
        try:
            original(self, actions, deadline)
        except transactions.Refused:
            raise transactions.Refused(range(len(actions))) from None

    patch.setattr(Sender, "transact", transact)


@mutation("markers are lost with their halves", "marked")
def _(patch: Patch) -> None:
    original = Writer.markers
    patch.setattr(Writer, "markers", lambda self, records, now: original(self, records[:1], now))


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


@mutation("keys that were not answered are not asked for again", "shard")
def _(patch: Patch) -> None:
    original = FakeDynamoDB.batch_get_item

    def batch_get_item(self: FakeDynamoDB, **request: Any) -> dict[str, Any]:
        return {**original(self, **request), "UnprocessedKeys": {}}

    patch.setattr(FakeDynamoDB, "batch_get_item", batch_get_item)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_history_finds_that(name: str, monkeypatch: Patch) -> None:
    mode, first, mutate = MUTATIONS[name]
    mutate(monkeypatch)

    for seed in (*range(first, max(HISTORIES, first + 1)), *range(first)):
        try:
            play(seed, mode)
        except Wrong:
            return
    pytest.fail(f"{HISTORIES} histories did not see that {name}")
