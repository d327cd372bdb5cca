"""Shards that split, close and end, on a simulated stream (DynamoDB Local has one shard only).

Field case 14: consumers that idle for ever after a shard ends, and "closed shard has no children".
"""

from collections import Counter

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.layouts import each_way
from tests.runtimes.worker.conftest import Start, fill, until_counted
from tests.runtimes.worker.simulated import SimulatedStream
from tests.waiting import until


@each_way
def test_field_case_14_children_are_read_after_their_parent_through_three_generations(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    expected = fill(simulated, "a", 35)
    simulated.split("a", "b", "c")
    expected += fill(simulated, "b", 25) + fill(simulated, "c", 15)
    simulated.split("b", "d", "e")
    expected += fill(simulated, "d", 12) + fill(simulated, "e", 5)
    start()
    until_counted(store, expected)
    shards = [shard for shard, _ in simulated.reads]
    last_read = {shard: index for index, shard in enumerate(shards)}
    for parent, child in [("a", "b"), ("a", "c"), ("b", "d"), ("b", "e")]:
        assert last_read[parent] < shards.index(child)


@each_way
def test_field_case_14_a_running_worker_follows_splits(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    running = start()
    until(lambda: running.worker.shards == ["a"])
    expected: Counter[str] = Counter()
    for parent, children in {"a": ["b", "c"], "b": ["d"], "d": ["e", "f"]}.items():
        expected += fill(simulated, parent, 20)
        simulated.split(parent, *children)
        until_counted(store, expected)
    until(lambda: running.worker.shards == ["c", "e", "f"])
    assert store.leases.roll().finished == {"a", "b", "d"}


@each_way
def test_field_case_14_a_closed_shard_without_children_wedges_nothing(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    expected = fill(simulated, "a", 15)
    simulated.close("a")
    running = start()
    until(lambda: store.leases.roll().finished == {"a"})
    until(lambda: not running.worker.shards)
    simulated.open("b", "a")  # it is listed later than its parent was closed
    expected += fill(simulated, "b", 15)
    until_counted(store, expected)
    assert running.stop()


@each_way
def test_field_case_14_a_closed_shard_that_never_says_that_it_is_over_is_over_at_its_end(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    simulated.never_ends = True
    expected = fill(simulated, "a", 15)
    simulated.close("a")
    # The end that is listed is that of the last record, as it is on AWS.
    shard = simulated._shards["a"]
    shard.last = int(shard.records[-1]["dynamodb"]["SequenceNumber"])
    simulated.open("b", "a")
    expected += fill(simulated, "b", 5)
    start()
    until_counted(store, expected)


@each_way
def test_an_empty_shard_is_passed(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    simulated.split("a", "b")
    simulated.split("b", "c")
    expected = fill(simulated, "c", 3)
    start()
    until_counted(store, expected)


@each_way
def test_a_parent_that_was_read_and_then_trimmed_is_over(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    expected = fill(simulated, "a", 15)
    simulated.split("a", "b")
    first = start()
    until(lambda: first.worker.shards == ["b"])
    assert first.stop()
    simulated.trim("a")
    expected += fill(simulated, "b", 5)
    second = start()
    until_counted(store, expected)
    assert second.stop()


@pytest.mark.slow(but="1-rows")
@each_way
@pytest.mark.parametrize("every", [1, 2, 3])
def test_old_iterators_are_renewed_where_reading_was(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start, every: int
) -> None:
    simulated.expire_every = every + 1
    expected = fill(simulated, "a", 60)
    start()
    until_counted(store, expected)


@pytest.mark.slow(but="rows")
@each_way
def test_workers_share_the_shards_and_a_stopped_one_gives_its_own_back(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    simulated.split("a", "b", "c", "d", "e", "f")
    ann, bob = start("ann"), start("bob")
    until(lambda: sorted(ann.worker.shards + bob.worker.shards) == ["b", "c", "d", "e", "f"])
    assert {len(ann.worker.shards), len(bob.worker.shards)} == {2, 3}
    expected: Counter[str] = Counter()
    for shard in "bcdef":
        expected += fill(simulated, shard, 8)
    until_counted(store, expected)
    assert ann.stop()
    until(lambda: len(bob.worker.shards) == 5)
    for shard in "bcdef":
        expected += fill(simulated, shard, 8)
    until_counted(store, expected)
    cal = start("cal")
    until(lambda: len(cal.worker.shards) == 2 and len(bob.worker.shards) == 3)
