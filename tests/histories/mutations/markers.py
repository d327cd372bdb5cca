"""Faults where records are known by markers."""

from typing import Any

from tallies.stores.dynamodb.apply import transactions, writes
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tests.histories.mutations.mutation import Patch, mutation


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
