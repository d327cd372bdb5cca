"""The histories can fail: each fault that is put into the product here is found by one of them."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import HTTPClientError

from tallies.core.fold import fold
from tallies.stores.dynamodb import apply, guard, stream, transactions, writes
from tallies.stores.dynamodb.apply import GuardedApply
from tallies.stores.dynamodb.guard import Guard
from tallies.stores.dynamodb.lanes import END, Progress
from tallies.stores.dynamodb.parked import Parked
from tallies.stores.dynamodb.transactions import Part, Sender
from tallies.stores.dynamodb.writes import Writer
from tests.histories.history import Mode, Wrong, play

HISTORIES = 3_000
"""Fewer than `test_histories` plays."""

Patch = pytest.MonkeyPatch
MUTATIONS: dict[str, tuple[Mode, Callable[[Patch], None]]] = {}


def mutation(name: str, mode: Mode) -> Callable[[Callable[[Patch], None]], None]:
    def keep(mutate: Callable[[Patch], None]) -> None:
        MUTATIONS[name] = mode, mutate

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
    def found(self: Guard, known: guard.Known) -> bool:
        self._known = known
        return True

    patch.setattr(Guard, "found", found)


@mutation("a refused guard goes on without looking", "shard")
def _(patch: Patch) -> None:
    def found(self: Guard, known: guard.Known) -> bool:
        self._known = guard.Known(self.progress, known.revision)
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

    patch.setattr(apply, "pack", pack)


@mutation("a part ends one row too early", "shard")
def _(patch: Patch) -> None:
    original = transactions.pack

    def pack(*arguments: Any) -> list[Part]:
        return [
            Part(part.end if part.end == END else part.writes[-1].lane, part.writes)
            for part in original(*arguments)
        ]

    patch.setattr(apply, "pack", pack)


@mutation("rows are written whatever their lanes", "shard")
def _(patch: Patch) -> None:
    original = Writer.rows
    patch.setattr(
        Writer, "rows", lambda self, deltas, now, start="", end=END: original(self, deltas, now)
    )


@mutation("positions are compared as numbers of unequal length", "shard")
def _(patch: Patch) -> None:
    patch.setattr(stream, "POSITION_DIGITS", 1)


@mutation("a batch that is not all in is called done", "shard")
def _(patch: Patch) -> None:
    original = GuardedApply._commit

    def commit(self: GuardedApply, known: Guard, batch: Any, part: Part) -> bool:
        try:
            return original(self, known, batch, part)
        except transactions.OutOfTime:
            return True

    patch.setattr(GuardedApply, "_commit", commit)


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
    patch.setattr(apply, "fold", lambda folders, changes, now: fold(folders, changes))


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


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_history_finds_that(name: str, monkeypatch: Patch) -> None:
    mode, mutate = MUTATIONS[name]
    mutate(monkeypatch)

    for seed in range(HISTORIES):
        try:
            play(seed, mode)
        except Wrong:
            return
    pytest.fail(f"{HISTORIES} histories did not see that {name}")
