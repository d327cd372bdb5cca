"""Slots: which number a shard takes, and what a row says by it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from tallies.stores.dynamodb.apply.in_rows.slot import Slot, slot_of
from tallies.stores.dynamodb.apply.in_rows.slots import FORGOTTEN_AFTER, Slots
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key
from tallies.stores.dynamodb.stream.records import position_of
from tallies.stores.dynamodb.stream.stream import Shard
from tests.histories.fake import FakeDynamoDB

NOW = datetime(2082, 11, 23, 14, 5, tzinfo=UTC)


class Register:
    """Slots over a database in memory."""

    def __init__(self) -> None:
        self.database = FakeDynamoDB(lambda: 0.0)
        self.shards: list[Shard] = []
        self.slots = Slots(cast("Any", self.database), "tallies", lambda: self.shards)

    def list(self, *shards: tuple[str, str | None]) -> None:
        self.shards = [Shard(name, parent, "", None) for name, parent in shards]

    def give(self, *names: str, now: datetime = NOW) -> Sequence[Slot | None]:
        for name in names:
            self.slots.give(name, 1, now)
        return [self.of(name) for name in names]

    def of(self, name: str) -> Slot | None:
        key = reserved_key(POSITION, name)
        found = self.database.get_item(TableName="tallies", Key=key, ConsistentRead=True)
        return slot_of(found["Item"])


def test_each_shard_has_a_slot_of_its_own_and_keeps_it() -> None:
    register = Register()
    register.list(("a", None), ("b", None))
    assert register.give("a", "b", "a") == [Slot(0, 1), Slot(1, 1), Slot(0, 1)]


def test_one_child_inherits_the_slot_and_the_other_takes_a_new_one() -> None:
    register = Register()
    register.list(("a", None), ("l", "a"), ("r", "a"))
    assert register.give("a", "l", "r") == [Slot(0, 1), Slot(0, 2), Slot(1, 1)]
    assert register.of("a") == Slot(0, 1)  # whoever delivers it once more goes by that


def test_a_slot_goes_past_ancestors_that_nothing_was_written_for() -> None:
    register = Register()
    register.list(("a", None), ("b", "a"), ("c", "b"))
    assert register.give("a", "c") == [Slot(0, 1), Slot(0, 2)]


def test_a_slot_is_free_when_its_shard_has_long_left_the_stream() -> None:
    register = Register()
    register.list(("a", None))
    register.give("a")
    register.list(("x", None))  # as after the stream was turned off and on
    soon, late = NOW + timedelta(hours=47), NOW + FORGOTTEN_AFTER + timedelta(hours=1)
    assert register.give("x", now=soon) == [Slot(1, 1)]
    register.list(("y", None), ("x", None))
    assert register.give("y", now=late) == [Slot(0, 2)]


def test_the_sequence_of_lives_of_a_table_needs_as_many_slots_as_it_has_shards_at_a_time() -> None:
    register = Register()
    alive = [f"0-{number}" for number in range(4)]
    register.list(*((name, None) for name in alive))
    register.give(*alive)
    for life in range(1, 200):
        young = [f"{life}-{number}" for number in range(4)]
        register.list(*((name, None) for name in alive), *zip(young, alive, strict=True))
        numbers = {slot.number for slot in register.give(*young) if slot}
        assert numbers == {0, 1, 2, 3}
        alive = young


@given(st.tuples(*[st.integers(0, 10**40 - 1)] * 2), st.tuples(*[st.integers(1, 2**32 - 1)] * 2))
def test_marks_order_by_generation_and_then_as_the_stream_does(
    numbers: tuple[int, int], generations: tuple[int, int]
) -> None:
    positions = [position_of(str(number)) for number in numbers]
    marks = [
        Slot(3, generation).mark(position)
        for generation, position in zip(generations, positions, strict=True)
    ]
    pairs = list(zip(generations, positions, strict=True))
    assert (marks[0] < marks[1]) == (pairs[0] < pairs[1])
    assert {len(mark) for mark in marks} == {21}
    slot = Slot(3, generations[0])
    assert slot.held({"@3": {"B": marks[0]}}) == positions[0]


def test_what_a_row_holds_of_a_shard() -> None:
    slot = Slot(0, 5)
    position = position_of("111")
    assert slot.held({}) == ""
    assert slot.held({"@0": {"B": slot.mark(position)}}) == position
    assert slot.held({"@0": {"B": Slot(0, 4).mark(position)}}) == ""
    assert slot.held({"@0": {"B": Slot(0, 6).mark(position)}}) is None
