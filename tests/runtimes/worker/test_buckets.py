"""A worker that died between a transaction and the buckets of its rows leaves them to the next."""

from collections.abc import Iterator

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.apply.aggregate import StreamAggregator
from tallies.stores.dynamodb.apply.buckets import Buckets
from tallies.stores.dynamodb.rows.keys import row_key
from tests.engines import DynamoDBAccount
from tests.runtimes.worker.conftest import Start, until_counted
from tests.runtimes.worker.simulated import SimulatedStream
from tests.waiting import until


@pytest.fixture
def store(aws_environment: DynamoDBAccount) -> Iterator[DynamoFavorites]:
    url = aws_environment.store_url("app") + "&ranking=buckets&guard=transactions"
    with DynamoFavorites.from_url(url) as store:
        store.init()
        yield store


class Died(Exception):
    pass


def mark(simulated: SimulatedStream, users: int, shard: str = "a") -> None:
    for number in range(users):
        simulated.mark(shard, "noodles", f"{shard}-{number}")


def bucket(store: DynamoFavorites) -> str:
    found = store._clients.dynamodb.get_item(
        TableName=store.names.tallies, Key=row_key("noodles", "all"), ConsistentRead=True
    )["Item"]
    return found["bucket"]["N"]


def apply(store: DynamoFavorites, simulated: SimulatedStream, shard: str = "a") -> None:
    """Apply all that is new in a shard, one record a batch."""
    applying = store.guarded_apply()
    position = applying.position_of(shard)
    for record in simulated.records(shard):
        if record.change.position > position:
            applying.apply_shard(shard, [record])


def die_before_the_buckets(
    store: DynamoFavorites, simulated: SimulatedStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apply five records, the last two in a batch whose rows are not brought into buckets."""

    def fit(*_: object) -> None:
        raise Died

    mark(simulated, 3)
    apply(store, simulated)
    mark(simulated, 2)
    with monkeypatch.context() as dying:
        dying.setattr(Buckets, "fit", fit)
        with pytest.raises(Died):
            store.guarded_apply().apply_shard("a", simulated.records("a")[3:])
    assert store.tally("noodles", ["all"]) == {"all": 5}
    assert bucket(store) == "3"


def test_the_next_worker_brings_rows_into_their_buckets(
    store: DynamoFavorites,
    simulated: SimulatedStream,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    die_before_the_buckets(store, simulated, monkeypatch)
    start()
    until(lambda: bucket(store) == "4")
    until_counted(store, {"noodles": 5})


def test_so_it_does_where_the_shard_has_ended(
    store: DynamoFavorites,
    simulated: SimulatedStream,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    die_before_the_buckets(store, simulated, monkeypatch)
    simulated.split("a", "b")
    mark(simulated, 5, "b")
    start()
    until_counted(store, {"noodles": 10})
    until(lambda: bucket(store) == "9")
    apply_again = store.guarded_apply()
    known = apply_again.known_of("a")
    assert known.fitted == known.progress.position


def test_an_aggregator_that_is_started_anew_does_so(
    store: DynamoFavorites, simulated: SimulatedStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_before_the_buckets(store, simulated, monkeypatch)
    StreamAggregator(simulated, store.guarded_apply()).step()  # type: ignore[arg-type] # played
    assert bucket(store) == "4"


def test_what_is_fitted_is_not_read_again(
    store: DynamoFavorites, simulated: SimulatedStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_before_the_buckets(store, simulated, monkeypatch)
    StreamAggregator(simulated, store.guarded_apply()).step()  # type: ignore[arg-type] # played
    simulated.reads.clear()
    StreamAggregator(simulated, store.guarded_apply()).step()  # type: ignore[arg-type] # played
    assert sum(records for _, records in simulated.reads) == 0


def test_what_has_left_the_stream_holds_nobody_up(
    store: DynamoFavorites,
    simulated: SimulatedStream,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    die_before_the_buckets(store, simulated, monkeypatch)
    simulated.trim("a", 5)
    mark(simulated, 1)
    start()
    until_counted(store, {"noodles": 6})
    assert bucket(store) == "6"
    assert store.leases.roll().troubles() == []
