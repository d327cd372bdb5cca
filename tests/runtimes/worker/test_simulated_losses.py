"""History that left the stream before it was counted, on a simulated stream.

Field case 14: a trimmed checkpoint wedges silently. Here it is said, shown in the rows that
`tallies status` reads, never skipped, and the worker goes on by itself after the rebuild.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.layouts import each_way
from tests.runtimes.worker.conftest import Start, all_time, fill, until_counted
from tests.runtimes.worker.simulated import SimulatedStream
from tests.waiting import until


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallies.runtimes.worker.consumer.LOST_SECONDS", 0.1)


def until_said(store: DynamoFavorites, *words: str) -> str:
    """Wait for a trouble with these words; the sentence."""
    until(lambda: store.leases.roll().troubles())
    (sentence,) = store.leases.roll().troubles()
    assert all(word in sentence for word in (*words, "tallies rebuild")), sentence
    assert "\n" not in sentence
    return sentence


def counted(store: DynamoFavorites, simulated: SimulatedStream, shard: str, upto: int) -> None:
    """Say that the tallies hold a shard's records up to this one, as a rebuild does."""
    records = simulated.records(shard)[:upto]
    apply = store.guarded_apply()
    apply.apply_shard(shard, records)
    apply.note(shard)


@each_way
def test_field_case_14_a_trimmed_position_is_said_and_nothing_is_skipped(
    store: DynamoFavorites,
    simulated: SimulatedStream,
    start: Start,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = fill(simulated, "a", 15)
    counted(store, simulated, "a", 15)
    fill(simulated, "a", 30)
    simulated.trim("a", 25)
    running = start()
    sentence = until_said(store, "Shard a", "dropped records")
    status = store.status()
    assert status.details["trouble"] == sentence
    assert status.lag_records is None  # nobody can know
    assert status.aggregator == running.worker.name
    assert all_time(store) == expected
    assert not running.stop()
    assert store.status().aggregator is None
    assert sentence in [r.message for r in caplog.records if r.levelno == logging.ERROR]


@each_way
def test_it_goes_on_by_itself_when_the_tallies_have_been_rebuilt(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    fill(simulated, "a", 30)
    counted(store, simulated, "a", 5)
    simulated.trim("a", 10)
    running = start()
    until_said(store)
    counted(store, simulated, "a", 30)
    until(lambda: not store.leases.roll().troubles())
    before = all_time(store)
    simulated.mark("a", "r0", "ann")
    until_counted(store, before | {"r0": before["r0"] + 1})
    assert running.stop()


@each_way
def test_records_that_left_before_anybody_read_are_missed(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    fill(simulated, "a", 30)
    simulated.trim("a", 1)
    running = start()
    until_said(store, "Shard a")
    assert not all_time(store)
    assert not running.stop()


@each_way
def test_a_shard_whose_parent_left_unread_waits_for_a_rebuild(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    fill(simulated, "a", 15)
    simulated.split("a", "b")
    simulated.trim("a")
    expected = fill(simulated, "b", 5)
    running = start()
    until_said(store, "Shard b", "a,")
    assert not all_time(store)
    store.leases.account_for(simulated.shards(), simulated.arn)
    until_counted(store, expected)
    until(lambda: not store.leases.roll().troubles())
    assert running.stop()


@each_way
def test_a_shard_that_vanished_half_read_is_said(
    store: DynamoFavorites, simulated: SimulatedStream, start: Start
) -> None:
    first = start()
    until(lambda: first.worker.shards == ["a"])
    assert first.stop()
    fill(simulated, "a", 15)
    simulated.close("a")
    simulated.trim("a")
    simulated.open("z")  # as after the stream was turned off and on: another stream, no lineage
    expected = fill(simulated, "z", 5)
    second = start()
    until_said(store, "a is no longer", "made anew")
    until_counted(store, expected)
    assert not second.stop()
    store.leases.account_for(simulated.shards(), simulated.arn)
    third = start()
    until(lambda: third.worker.shards == ["z"])
    assert third.stop()


def lose_the_position(store: DynamoFavorites, stream: SimulatedStream) -> None:
    counted(store, stream, "a", 5)
    stream.trim("a", 10)


def lose_the_beginning(store: DynamoFavorites, stream: SimulatedStream) -> None:
    stream.trim("a", 10)


def lose_everything(store: DynamoFavorites, stream: SimulatedStream) -> None:
    stream.close("a")
    stream.trim("a", 20)


def lose_the_parent(store: DynamoFavorites, stream: SimulatedStream) -> None:
    stream.split("a", "b")
    stream.trim("a")


@pytest.mark.slow(but="everything-rows")
@each_way
@pytest.mark.parametrize(
    "lose", [lose_the_position, lose_the_beginning, lose_everything, lose_the_parent]
)
def test_rebuild_is_the_way_out(
    store: DynamoFavorites,
    simulated: SimulatedStream,
    start: Start,
    tmp_path: Path,
    lose: Callable[[DynamoFavorites, SimulatedStream], None],
) -> None:
    for number in range(20):
        store.mark(f"user-{number}", f"r{number % 3}", created_at="2082-11-23T14:00:00Z")
        simulated.mark("a", f"r{number % 3}", f"user-{number}")
    lose(store, simulated)
    running = start()
    until_said(store)
    store.rebuild(folder=tmp_path)
    until(lambda: not store.leases.roll().troubles())
    until_counted(store, {"r0": 7, "r1": 7, "r2": 6})
    open_shards = [shard.id for shard in simulated.shards() if shard.last is None]
    if open_shards:
        simulated.mark(open_shards[0], "r2", "late")
        until_counted(store, {"r0": 7, "r1": 7, "r2": 7})
    assert running.stop()
