"""The worker's parts alone: who lives, who reads what, when a shard may be read, how it is read."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.core.errors import StoreUnavailable
from tallies.runtimes.worker.lineage import came_from_nowhere, ready
from tallies.runtimes.worker.liveness import Watch
from tallies.runtimes.worker.pace import LONGEST_SECONDS, Pace
from tallies.runtimes.worker.pages import TRIMMED_TRIES, pages
from tallies.runtimes.worker.prefetch import Prefetch
from tallies.runtimes.worker.sharing import moves
from tallies.stores.dynamodb.client.errors import HistoryTrimmed
from tallies.stores.dynamodb.stream.leases import Lease
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Shard
from tests.runtimes.worker.simulated import SimulatedStream
from tests.waiting import until

WORKERS = st.sets(st.sampled_from("abcdef"), min_size=1)
SHARDS = st.lists(st.sampled_from("123456789"), unique=True)


@given(WORKERS, SHARDS, st.data())
def test_from_any_division_all_workers_come_to_a_fair_one(
    workers: set[str], shards: list[str], data: st.DataObject
) -> None:
    holders = st.none() | st.sampled_from([*sorted(workers), "dead"])
    leases = {shard: Lease(data.draw(holders)) for shard in shards}
    for _ in range(2):  # first give back what is too much, then take what is free
        for worker in sorted(workers):
            todo = moves(worker, workers, shards, leases)
            leases |= dict.fromkeys(todo.give_back, Lease())
            leases |= dict.fromkeys(todo.take, Lease(worker))
    held = [sum(lease.holder == worker for lease in leases.values()) for worker in workers]
    assert sum(held) == len(shards)
    assert max(held) - min(held) <= 1
    for worker in workers:
        todo = moves(worker, workers, shards, leases)
        assert not todo.take
        assert not todo.give_back


def test_who_no_longer_counts_is_dead_until_it_counts_again() -> None:
    now = 0.0
    watch = Watch(lambda: now, dead_seconds=10.0)
    assert watch.alive({"ann": 1, "bob": 1}) == {"ann", "bob"}
    now = 9.0
    assert watch.alive({"ann": 2, "bob": 1}) == {"ann", "bob"}
    now = 10.0
    assert watch.alive({"ann": 2, "bob": 1}) == {"ann"}
    assert watch.alive({"ann": 2, "bob": 2}) == {"ann", "bob"}
    assert watch.alive({"ann": 2}) == {"ann"}


def shard(shard_id: str, parent: str | None = None) -> Shard:
    return Shard(shard_id, parent, "0", None)


def test_a_shard_may_be_read_when_its_parent_is_finished_or_gone() -> None:
    line = [shard("b", "a"), shard("c", "b"), shard("d", "b"), shard("e", "c")]
    assert [each.id for each in ready(line, ())] == ["b"]
    assert [each.id for each in ready(line, {"b"})] == ["c", "d"]
    assert [each.id for each in ready(line, {"b", "c"})] == ["d", "e"]
    assert came_from_nowhere(line[0], line, ())
    assert not came_from_nowhere(line[0], line, {"a"})
    assert not came_from_nowhere(line[1], line, ())
    assert not came_from_nowhere(shard("x"), line, ())


def test_pauses_grow_to_a_bound_and_begin_anew_with_news() -> None:
    pace = Pace()
    pauses = [pace.pause() for _ in range(20)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_SECONDS
    pace.news()
    assert pace.pause() == pauses[0]


def at_once(_: float) -> bool:
    return False


def of_shard(
    stream: SimulatedStream, read: Callable[[str], tuple[list[StreamRecord], str | None]]
) -> Iterator[list[StreamRecord]]:
    return pages(lambda after: stream.iterator("a", after), read, "", at_once)


def test_a_single_iterator_that_is_trimmed_proves_no_loss() -> None:
    # DynamoDB Local says so of an iterator that was made before the first record.
    stream = SimulatedStream()
    stream.open("a")
    stream.mark("a", "noodles", "ann")
    stream.close("a")
    failures = iter([HistoryTrimmed("gone")] * (TRIMMED_TRIES - 1))

    def read(iterator: str) -> tuple[list[StreamRecord], str | None]:
        for failure in failures:
            raise failure
        return stream.read(iterator)

    assert [len(page) for page in of_shard(stream, read)] == [1]


def test_iterators_that_are_trimmed_one_after_another_do() -> None:
    stream = SimulatedStream()
    stream.open("a")

    def read(_: str) -> tuple[list[StreamRecord], str | None]:
        raise HistoryTrimmed("gone")

    with pytest.raises(HistoryTrimmed):
        list(of_shard(stream, read))


def records(count: int) -> list[StreamRecord]:
    stream = SimulatedStream(page=count)
    stream.open("a")
    for number in range(count):
        stream.mark("a", "noodles", str(number))
    return stream.records("a")


def test_reading_ahead_stops_at_its_bounds_and_goes_on_when_something_is_taken() -> None:
    pages_read = 0

    def read(_: Callable[[float], bool]) -> Iterator[list[StreamRecord]]:
        nonlocal pages_read
        for start in range(0, 100, 10):
            pages_read += 1
            yield some[start : start + 10]

    some = records(100)
    with Prefetch(read, max_records=30) as prefetch:
        until(lambda: pages_read == 4)  # three are kept, and one waits for room
        taken = prefetch.take(60.0)
        assert taken == some[:30]
        rest: list[StreamRecord] = []
        while (more := prefetch.take(60.0)) is not None:
            rest += more
        assert [*taken, *rest] == some


def test_heavy_records_are_bounded_by_their_weight() -> None:
    def read(_: Callable[[float], bool]) -> Iterator[list[StreamRecord]]:
        for record in records(10):
            data = {**record.raw["dynamodb"], "SizeBytes": 600_000}
            yield [record._replace(raw={**record.raw, "dynamodb": data})]

    with Prefetch(read, max_bytes=1_000_000) as prefetch:
        sizes = []
        while (taken := prefetch.take(60.0)) is not None:
            sizes.append(len(taken))
        assert sum(sizes) == 10
        assert max(sizes) <= 2


def test_what_was_read_before_a_failure_is_handed_over_first() -> None:
    some = records(3)

    def read(_: Callable[[float], bool]) -> Iterator[list[StreamRecord]]:
        yield some
        raise StoreUnavailable("try again")

    with Prefetch(read) as prefetch:
        assert prefetch.take(60.0) == some
        with pytest.raises(StoreUnavailable):
            prefetch.take(60.0)
