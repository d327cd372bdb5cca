"""Verify and rebuild that are killed, and what the next one goes on with."""

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.client.errors import HistoryTrimmed
from tallies.stores.dynamodb.stream.stream import Stream
from tallies.stores.sample import Sample
from tallies.stores.verified import Drift, Verified
from tests.dynamodb.snapshot.killed import Killed, die
from tests.dynamodb.traffic import DAYS, busy, by_hand, plant, settle, tallies_of, write
from tests.engines import DynamoDBAccount
from tests.length import at_length

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WORK = """
import sys
from pathlib import Path
from tallies.favorites.on_dynamodb import DynamoFavorites
store = DynamoFavorites.from_url(sys.argv[1])
def report(what, done, total):
    print(what, done, flush=True)
getattr(store, sys.argv[2])(folder=Path(sys.argv[3]), progress=report)
print("done", flush=True)
"""


def kill_now_and_then(work: str, url: str, folder: Path, dice: random.Random) -> None:
    """Run it some times over; each is killed at some line of its output, or right after it."""
    command = [sys.executable, "-c", WORK, url, work, str(folder)]
    for _ in range(at_length(4, least=2)):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(dice.randrange(1, 8)):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_rebuild_that_is_killed_is_run_again(
    store: DynamoFavorites,
    client: "DynamoDBClient",
    aws_environment: DynamoDBAccount,
    tmp_path: Path,
    seed: int,
) -> None:
    dice = random.Random(seed)
    for _ in range(at_length(150, least=60)):
        write(store, dice)
    settle(store)
    for number in range(12):
        for window in ("all", "2082-11", "2082-10", *DAYS):
            plant(client, store.names.tallies, f"r{number}", window, dice.randrange(-9, 9))
    for number in range(120):  # more than one transaction's worth
        plant(client, store.names.tallies, f"ghost{number}", "all", 1)
    with busy(store, seed):
        kill_now_and_then("rebuild", aws_environment.store_url("app"), tmp_path, dice)
        store.rebuild(folder=tmp_path)
        assert store.verify().drifted == []
    settle(store)
    assert tallies_of(store) == by_hand(store, client)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow(but="1")
@pytest.mark.parametrize("seed", range(2))
def test_a_verify_that_is_killed_is_run_again(
    store: DynamoFavorites,
    client: "DynamoDBClient",
    aws_environment: DynamoDBAccount,
    tmp_path: Path,
    seed: int,
) -> None:
    dice = random.Random(seed)
    for _ in range(at_length(150, least=60)):
        write(store, dice)
    settle(store)
    plant(client, store.names.tallies, "ghost", "all", 1)
    with busy(store, seed):
        for _ in range(at_length(3)):
            kill_now_and_then("verify", aws_environment.store_url("app"), tmp_path, dice)
            assert store.verify(folder=tmp_path).drifted == [
                Drift("ghost", "all", 0, 1, "favorites")
            ]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("work", [DynamoFavorites.rebuild, DynamoFavorites.verify])
def test_the_scan_goes_on_where_it_was_killed(
    store: DynamoFavorites, client: "DynamoDBClient", tmp_path: Path, work: Callable[..., Verified]
) -> None:
    for user in range(60):
        store.mark(f"u{user}", f"r{user % 12}")
    settle(store)
    with pytest.raises(Killed) as killed:
        work(store, folder=tmp_path, progress=die)
    (before,) = killed.value.args
    # What was deleted and made meanwhile comes by the stream.
    store.unmark("u1", "r1")
    store.mark("new", "r1")
    plant(client, store.names.tallies, "r1", "all", 3)
    pages: list[int] = []
    found = work(
        store,
        folder=tmp_path,
        progress=lambda what, done, total: pages.append(done) if "Scanning" in what else None,
    )
    assert found.drifted == [Drift("r1", "all", 5, 8, "favorites")]
    assert 0 < before < pages[0]
    assert not list(tmp_path.iterdir())


def test_what_another_table_of_that_name_left_behind_is_not_gone_on_with(
    store: DynamoFavorites, client: "DynamoDBClient", tmp_path: Path
) -> None:
    store.mark("ann", "r1")
    with pytest.raises(Killed):
        store.rebuild(folder=tmp_path, progress=die)
    for table in (store.names.source, store.names.tallies):
        client.delete_table(TableName=table)
    with DynamoFavorites.from_url(store.url) as again:
        again.init()
        assert again.rebuild(folder=tmp_path).checked == 0


def test_a_stream_that_forgot_is_not_asked_the_same_again(
    store: DynamoFavorites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positions from which to read on are noted in what was gathered."""
    store.mark("ann", "r1")

    def forgotten(*_: object) -> str:
        raise HistoryTrimmed("The stream has dropped records.")

    with monkeypatch.context() as patch:
        patch.setattr(Stream, "iterator", forgotten)
        with pytest.raises(HistoryTrimmed):
            store.verify(folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_sample_is_read_anew(store: DynamoFavorites, tmp_path: Path) -> None:
    for user in range(60):
        store.mark(f"u{user}", f"r{user % 12}")
    settle(store)
    some, all_groups = Sample(0.3, 1), Sample(1, 1)
    with pytest.raises(Killed):
        store.verify(sample=some, folder=tmp_path, progress=die)
    assert store.verify(sample=all_groups, folder=tmp_path).groups == 12
