"""Leases on DynamoDB Local: who wins a shard, and what the rows say."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.stream.leases import Lease


def test_of_many_that_take_a_shard_one_has_it(store: DynamoFavorites) -> None:
    together = Barrier(4)

    def take(worker: str) -> bool:
        together.wait()
        return store.leases.take("a", worker, Lease())

    with ThreadPoolExecutor(4) as threads:
        won = dict(zip("bcde", threads.map(take, "bcde"), strict=True))
    assert list(won.values()).count(True) == 1
    holder = next(worker for worker, has in won.items() if has)
    assert store.leases.roll().leases == {"a": Lease(holder)}


def test_a_shard_is_taken_only_from_whom_it_was_known_to_be_with(store: DynamoFavorites) -> None:
    leases = store.leases
    assert leases.take("a", "ann", Lease())
    assert not leases.take("a", "bob", Lease())
    assert not leases.take("a", "bob", Lease("cal"))
    assert leases.take("a", "bob", Lease("ann"))
    assert not leases.give_back("a", "ann")
    assert leases.give_back("a", "bob")
    assert leases.take("a", "ann", Lease())


def test_a_finished_shard_is_nobodys_any_more(store: DynamoFavorites) -> None:
    leases = store.leases
    assert leases.take("a", "ann", Lease())
    leases.trouble("a", "Something.")
    leases.finish("a")
    assert not leases.take("a", "bob", Lease())
    assert not leases.take("a", "bob", Lease("ann"))
    assert leases.roll().leases == {"a": Lease(None, finished=True)}


def test_rows_of_workers_are_no_tallies(store: DynamoFavorites) -> None:
    store.mark("ann", "noodles")
    store.leases.beat("w")
    store.leases.beat("w")
    assert store.leases.take("a", "w", Lease())
    aggregator = store.aggregator()
    while aggregator.step().records:
        pass
    assert store.leases.roll().beats == {"w": 2}
    found = store.verify()
    assert (found.checked, list(found.drifted)) == (3, [])
    assert store.parked.count() == 0
    store.leases.leave("w")
    assert store.leases.roll().beats == {}


@pytest.mark.parametrize("readers", [1, 2])
def test_an_aggregator_that_found_nothing_at_first_reads_on(
    store: DynamoFavorites, readers: int
) -> None:
    # DynamoDB Local calls an iterator trimmed that was made before the first record.
    aggregators = [store.aggregator() for _ in range(readers)]
    assert not any(aggregator.step().records for aggregator in aggregators)
    store.mark("ann", "noodles")
    assert sum(aggregator.step().records for aggregator in aggregators) == 1
