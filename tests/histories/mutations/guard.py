"""Faults of the guard by positions, and of the batches that it lets in."""

from collections.abc import Callable
from typing import Any

from tallies.core.fold import fold
from tallies.stores.dynamodb.apply import transactions
from tallies.stores.dynamodb.apply.in_transactions import apply as in_transactions
from tallies.stores.dynamodb.apply.in_transactions.apply import TransactionApply
from tallies.stores.dynamodb.apply.in_transactions.guard import Guard
from tallies.stores.dynamodb.apply.position import Known
from tallies.stores.dynamodb.apply.progress import END, Progress
from tallies.stores.dynamodb.apply.transactions import Part
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.stream import records as change_records
from tests.histories.mutations.mutation import Patch, mutation


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


@mutation("windows that are over get additions", "shard")
def _(patch: Patch) -> None:
    patch.setattr(in_transactions, "fold", lambda folders, changes, now: fold(folders, changes))
