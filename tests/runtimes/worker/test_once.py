"""`tallies worker --once`, for cron and containers: what is there is carried over, then it ends."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallies.core.errors import StoreUnavailable
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes import catch_up
from tallies.runtimes.catch_up import catch_up_alone
from tallies.stores.dynamodb.apply.transactions import OutOfTime, Sender
from tallies.stores.dynamodb.client.errors import HistoryTrimmed
from tests.cli.command import environment, tallies
from tests.engines import DynamoDBAccount
from tests.length import at_length
from tests.runtimes.worker.conftest import all_time, fill
from tests.runtimes.worker.processes import worker_process
from tests.runtimes.worker.simulated import SimulatedStream
from tests.waiting import until

AnyStore = SqliteFavorites | DynamoFavorites
MARKS = at_length(1_000, 400)


@pytest.fixture(params=["sqlite", "dynamodb"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    store: AnyStore
    if request.param == "sqlite":
        store = SqliteFavorites(tmp_path / "s.db")
    else:
        account: DynamoDBAccount = request.getfixturevalue("aws_environment")
        store = DynamoFavorites.from_url(account.store_url("once"))
    with store:
        store.init()
        yield store


def counted(store: AnyStore) -> dict[str, int]:
    return {line.group: int(line.amount) for line in store.leaderboard("all", 1000)}


def once(store: AnyStore) -> None:
    ran = tallies("worker", "--once", store=store.url)
    assert (ran.code, ran.out) == (0, ""), ran.err


@pytest.mark.slow(only="dynamodb")
def test_what_is_there_is_counted_and_again_nothing_twice(any_store: AnyStore) -> None:
    once(any_store)
    assert not counted(any_store)
    for number in range(30):
        any_store.mark(f"user-{number}", f"r{number % 3}")
    once(any_store)
    once(any_store)
    assert counted(any_store) == {"r0": 10, "r1": 10, "r2": 10}
    any_store.unmark("user-0", "r0")
    once(any_store)
    assert counted(any_store) == {"r0": 9, "r1": 10, "r2": 10}
    assert any_store.status().lag_records == 0
    assert not any_store.verify().drifted


@pytest.mark.slow(only="dynamodb")
def test_several_at_once_and_one_killed(any_store: AnyStore, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "user_id,restaurant_id,created_at\n"
        + "".join(f"u{n},r{n % 20},2026-11-{n % 28 + 1:02}T12:00:00Z\n" for n in range(MARKS))
    )
    assert tallies("load", "--no-wait", log, store=any_store.url).code == 0
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tallies", "worker", "--once"],
            env=environment(TALLIES_STORE=any_store.url),
            stderr=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    until(lambda: counted(any_store) or started[0].poll() is not None)
    started[0].kill()
    started[0].wait()
    assert [process.wait(timeout=60) for process in started[1:]] == [0, 0]
    once(any_store)
    assert sum(counted(any_store).values()) == MARKS
    assert not any_store.verify().drifted


@pytest.mark.slow
def test_beside_a_running_worker(store: DynamoFavorites) -> None:
    with worker_process(store.url) as worker:
        for number in range(30):
            store.mark(f"user-{number}", "r0")
        once(store)
        assert all_time(store) == {"r0": 30}
        assert worker.stop()[0] == 0
    assert not store.verify().drifted


def test_it_ends_by_itself_and_has_no_metrics(any_store: AnyStore) -> None:
    ran = tallies("worker", "--once", "--metrics-port", "0", store=any_store.url)
    assert ran.code == 2
    assert "leave --metrics-port out" in ran.err


@pytest.fixture
def stream(store: DynamoFavorites, simulated: SimulatedStream) -> SimulatedStream:
    """The simulated stream, as the one that the tallies are of."""
    store.settings.follow(simulated.arn, anew=True)
    return simulated


def carry(store: DynamoFavorites) -> None:
    for _ in catch_up_alone(store, quiet_seconds=0.3):
        pass


def test_shards_come_and_go_between_two_times(
    store: DynamoFavorites, stream: SimulatedStream
) -> None:
    expected = fill(stream, "a", 25)
    carry(store)
    stream.split("a", "b", "c")
    expected += fill(stream, "b", 15)
    carry(store)
    stream.trim("a")  # read to its end; it may go
    expected += fill(stream, "c", 15)
    carry(store)
    assert all_time(store) == expected


def test_a_day_without_a_run_is_said_and_nothing_is_skipped(
    store: DynamoFavorites, stream: SimulatedStream
) -> None:
    expected = fill(stream, "a", 15)
    carry(store)
    fill(stream, "a", 5)
    stream.split("a", "b")
    fill(stream, "b", 5)
    stream.trim("a")
    for _ in range(2):  # each time, until somebody rebuilds
        with pytest.raises(
            HistoryTrimmed, match=r"Shard b: the one before it, a, has left.*rebuild"
        ):
            carry(store)
    assert all_time(store) == expected
    assert "Shard b" in store.status().details["trouble"]
    store.leases.account_for(stream.shards(), stream.arn)  # as a rebuild does
    carry(store)
    assert sum(all_time(store).values()) == 20


def test_records_that_left_before_the_first_run(
    store: DynamoFavorites, stream: SimulatedStream
) -> None:
    fill(stream, "a", 15)
    stream.trim("a", 5)
    with pytest.raises(HistoryTrimmed, match="Shard a"):
        carry(store)
    assert not all_time(store)


def test_tables_that_take_nothing_are_no_end_of_the_stream(
    store: DynamoFavorites, stream: SimulatedStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stream, "a", 15)
    monkeypatch.setattr(catch_up, "STUCK_SECONDS", 0.5)

    def refuses(*_: object) -> None:
        raise OutOfTime("throttled")

    for way in ("transact", "update"):
        monkeypatch.setattr(Sender, way, refuses)
    with pytest.raises(StoreUnavailable, match="run it again"):
        carry(store)
