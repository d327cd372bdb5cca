"""Faults of what is parked."""

from typing import Any

from tallies.stores.dynamodb.apply import writes
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.apply.writes import Writer
from tests.histories.mutations.mutation import Patch, mutation


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
