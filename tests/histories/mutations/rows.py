"""Faults where rows hold their own positions."""

from collections.abc import Callable
from typing import Any

from tallies.core.fold import fold
from tallies.stores.dynamodb.apply.in_rows import apply as in_row
from tallies.stores.dynamodb.apply.in_rows import updates
from tallies.stores.dynamodb.apply.in_rows.slot import Slot
from tallies.stores.dynamodb.apply.in_rows.slots import Slots
from tallies.stores.dynamodb.apply.in_rows.writer import RowWriter
from tallies.stores.dynamodb.apply.transactions import Refused
from tests.histories.mutations.mutation import Patch, mutation


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
