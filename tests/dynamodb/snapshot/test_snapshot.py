"""Verify and rebuild on a live table: writers and aggregators never stop."""

import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.errors import StoreUnavailable
from tallies.favorites.item import favorite_of, source_table
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.client.errors import HistoryTrimmed
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key, row_key
from tallies.stores.dynamodb.rows.tables import tallies_table
from tallies.stores.dynamodb.snapshot.read.scan import Pace
from tallies.stores.dynamodb.snapshot.spill.spill import Spill
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.dynamodb.stream.stream import Stream
from tallies.stores.layout import NEWEST
from tallies.stores.sample import Sample
from tallies.stores.verified import Drift, Verified
from tests.engines import DynamoDBAccount
from tests.layouts import in_transactions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAYS = ["2082-11-23", "2082-11-22", "2082-10-31"]


def settle(store: DynamoStore) -> None:
    aggregator = store.aggregator()
    while True:
        applied = aggregator.step()
        if not applied.records + applied.duplicates:
            return


def write(store: DynamoFavorites, dice: random.Random) -> None:
    user, restaurant = f"u{dice.randrange(40)}", f"r{dice.randrange(12)}"
    if dice.random() < 0.6:
        store.mark(user, restaurant, created_at=f"{dice.choice(DAYS)}T08:00:00.000000Z")
    else:
        store.unmark(user, restaurant)


@contextmanager
def busy(store: DynamoFavorites, seed: int, batch: int = 7) -> Iterator[None]:
    """Two writers and an aggregator at work."""
    stop = Flag()

    def writing(number: int) -> None:
        dice = random.Random(f"{seed} {number}")
        while not stop.is_set():
            write(store, dice)

    def aggregating() -> None:
        aggregator = store.aggregator(batch)
        while not stop.is_set():
            aggregator.step()

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(writing, 0), threads.submit(writing, 1)]
        running.append(threads.submit(aggregating))
        try:
            yield
        finally:
            stop.set()
            for each in running:
                each.result()


def by_hand(store: DynamoFavorites, client: "DynamoDBClient") -> dict[tuple[str, str], int]:
    """GROUP BY over the source, the plainest way."""
    found: dict[tuple[str, str], int] = {}
    for page in client.get_paginator("scan").paginate(TableName=store.names.source):
        for favorite in map(favorite_of, page["Items"]):
            for window in ("all", favorite.created_at[:7], favorite.created_at[:10]):
                place = favorite.restaurant_id, window
                found[place] = found.get(place, 0) + 1
    return found


def tallies_of(store: DynamoFavorites) -> dict[tuple[str, str], int]:
    return {
        (f"r{number}", window): int(amount)
        for number in range(12)
        for window, amount in store.windows_of(f"r{number}").items()
    }


def plant(client: "DynamoDBClient", table: str, group: str, window: str, number: int) -> None:
    client.update_item(
        TableName=table,
        Key=row_key(group, window),
        UpdateExpression="ADD favorites :number",
        ExpressionAttributeValues={":number": {"N": str(number)}},
    )


@pytest.mark.parametrize("seed", range(3))
def test_case_9_drift_is_found_and_mended_exactly_while_all_goes_on(
    store: DynamoFavorites, client: "DynamoDBClient", seed: int
) -> None:
    dice = random.Random(seed)
    for _ in range(150):
        write(store, dice)
    settle(store)
    table = store.names.tallies
    plant(client, table, "r1", "all", 5)
    plant(client, table, "r2", "2082-11", -3)
    plant(client, table, "ghost", "2082-11-23", 2)
    client.delete_item(TableName=table, Key=row_key("r3", "all"))
    lost = by_hand(store, client)["r3", "all"]
    with busy(store, seed):
        found = {(d.group, d.window): d.actual - d.expected for d in store.verify().drifted}
        assert found == {
            ("r1", "all"): 5,
            ("r2", "2082-11"): -3,
            ("ghost", "2082-11-23"): 2,
            ("r3", "all"): -lost,
        }
        mended = store.rebuild()
        assert {(d.group, d.window): d.actual - d.expected for d in mended.drifted} == found
        assert store.verify().drifted == []
    settle(store)
    assert store.verify().drifted == []
    assert tallies_of(store) == by_hand(store, client)


@in_transactions
@pytest.mark.parametrize("back", [True, False])
def test_positions_moved_by_hand(
    store: DynamoFavorites, client: "DynamoDBClient", back: bool
) -> None:
    dice = random.Random(7)
    for _ in range(50):
        write(store, dice)
    settle(store)
    (shard,) = store.stream.shards()
    key = reserved_key(POSITION, shard.id)
    before = client.get_item(TableName=store.names.tallies, Key=key)["Item"]
    for _ in range(50):
        write(store, dice)
    if back:
        settle(store)
        client.put_item(TableName=store.names.tallies, Item=before)
    else:
        newest = list(store.stream.after(shard, ""))[-20].change.position
        client.put_item(TableName=store.names.tallies, Item={**before, "position": {"S": newest}})
    # Records in flight that will count twice, or never: drift before they are applied, too.
    assert store.verify().drifted
    settle(store)
    assert store.verify().drifted
    with busy(store, 8):
        store.rebuild()
    settle(store)
    assert store.verify().drifted == []
    assert tallies_of(store) == by_hand(store, client)


def test_a_table_with_history_is_seeded(missing: DynamoFavorites, client: "DynamoDBClient") -> None:
    shape = source_table(missing.names.source)
    stream = shape.pop("StreamSpecification")
    client.create_table(**shape)
    client.create_table(**tallies_table(missing.names.tallies, FAVORITES, NEWEST))
    dice = random.Random(3)
    for _ in range(200):
        write(missing, dice)
    client.update_table(TableName=missing.names.source, StreamSpecification=stream)
    missing.init()
    with busy(missing, 3):
        assert missing.rebuild().drifted
    settle(missing)
    assert missing.verify().drifted == []
    assert tallies_of(missing) == by_hand(missing, client)


def test_a_new_stream_for_the_same_table_loses_nothing(
    store: DynamoFavorites, client: "DynamoDBClient", aws_environment: DynamoDBAccount
) -> None:
    dice = random.Random(4)
    for _ in range(100):
        write(store, dice)
    settle(store)
    table = store.names.source
    client.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    for _ in range(100):
        write(store, dice)  # no stream hears of these
    client.update_table(
        TableName=table, StreamSpecification=source_table(table)["StreamSpecification"]
    )
    with DynamoFavorites.from_url(aws_environment.store_url("app")) as again:
        assert again.verify().drifted
        with busy(again, 5):
            again.rebuild()
        settle(again)
        assert again.verify().drifted == []
        assert tallies_of(again) == by_hand(again, client)


@in_transactions
def test_records_that_are_known_by_markers(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    apply = store.guarded_apply("markers")
    dice = random.Random(5)
    for _ in range(150):
        write(store, dice)
    (shard,) = store.stream.shards()
    records = list(store.stream.after(shard, ""))
    apply.apply_marked(records[:40])
    apply.apply_marked(records[60:])
    assert store.verify().drifted == []  # twenty are on their way
    plant(client, store.names.tallies, "r1", "all", 5)
    (drift,) = store.verify().drifted
    assert (drift.group, drift.window, drift.actual - drift.expected) == ("r1", "all", 5)
    store.rebuild()
    apply.apply_marked(records[30:70])
    assert store.verify().drifted == []
    assert tallies_of(store) == by_hand(store, client)


@in_transactions
def test_markers_that_come_meanwhile_are_no_drift(
    store: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = store.guarded_apply("markers")
    for user in range(30):
        store.mark(f"u{user}", "r1")
    (shard,) = store.stream.shards()
    records = list(store.stream.after(shard, ""))
    left = iter(range(len(records)))
    add_actual = Spill.add_actual

    def apply_one_more(spill: Spill, rows: Any) -> None:
        add_actual(spill, rows)
        number = next(left, None)
        if number is not None:
            apply.apply_marked(records[number : number + 1])

    monkeypatch.setattr(Spill, "add_actual", apply_one_more)
    with pytest.raises(StoreUnavailable, match="disable the event source mapping"):
        store.verify()


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
    for _ in range(4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(dice.randrange(1, 8)):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("seed", range(2))
def test_a_rebuild_that_is_killed_is_run_again(
    store: DynamoFavorites,
    client: "DynamoDBClient",
    aws_environment: DynamoDBAccount,
    tmp_path: Path,
    seed: int,
) -> None:
    dice = random.Random(seed)
    for _ in range(150):
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


@pytest.mark.parametrize("seed", range(2))
def test_a_verify_that_is_killed_is_run_again(
    store: DynamoFavorites,
    client: "DynamoDBClient",
    aws_environment: DynamoDBAccount,
    tmp_path: Path,
    seed: int,
) -> None:
    dice = random.Random(seed)
    for _ in range(150):
        write(store, dice)
    settle(store)
    plant(client, store.names.tallies, "ghost", "all", 1)
    with busy(store, seed):
        for _ in range(3):
            kill_now_and_then("verify", aws_environment.store_url("app"), tmp_path, dice)
            assert store.verify(folder=tmp_path).drifted == [
                Drift("ghost", "all", 0, 1, "favorites")
            ]
    assert not list(tmp_path.iterdir())


class Killed(BaseException):
    """Nothing catches it."""


def die(what: str, done: int, total: int | None) -> None:
    """At the first page."""
    if done:
        raise Killed(done)


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


def test_two_verify_at_once(store: DynamoFavorites, tmp_path: Path) -> None:
    store.mark("ann", "r1")
    settle(store)
    within: list[Verified] = []

    def verify_too(what: str, done: int, total: int | None) -> None:
        if not within:
            within.append(store.verify(folder=tmp_path))

    assert store.verify(folder=tmp_path, progress=verify_too) == within[0]
    assert within[0].checked == 3


def test_two_rebuilds_at_once_mend_once(
    store: DynamoFavorites, client: "DynamoDBClient", tmp_path: Path
) -> None:
    dice = random.Random(1)
    for _ in range(100):
        write(store, dice)
    for number in range(120):
        plant(client, store.names.tallies, f"ghost{number}", "all", 1)

    def rebuild(number: int) -> bool:
        try:
            folder = tmp_path / str(number)  # as on two machines
            folder.mkdir()
            store.rebuild(folder=folder)
        except StoreUnavailable:
            return False
        return True

    with busy(store, 1), ThreadPoolExecutor(2) as threads:
        assert any(threads.map(rebuild, range(2)))
    settle(store)
    assert store.verify().drifted == []
    assert tallies_of(store) == by_hand(store, client)


def test_two_rebuilds_do_not_share_a_file(store: DynamoFavorites, tmp_path: Path) -> None:
    for user in range(5):
        store.mark(f"u{user}", "r1")
    refused: list[str] = []

    def begin_another(what: str, done: int, total: int | None) -> None:
        if not refused:
            with pytest.raises(StoreUnavailable) as error:
                store.rebuild(folder=tmp_path)
            refused.append(str(error.value))

    # The first one is not even taken over from: it ends well.
    store.rebuild(folder=tmp_path, progress=begin_another)
    (sentence,) = refused
    assert sentence.startswith(f"Another rebuild on this machine gathers in {tmp_path}/app-")
    assert sentence.endswith("; wait for it, or end it.")
    assert not list(tmp_path.iterdir())


def test_a_row_of_no_window_is_removed(store: DynamoFavorites, client: "DynamoDBClient") -> None:
    plant(client, store.names.tallies, "r1", "by hand", 3)
    assert store.rebuild().drifted == [Drift("r1", "by hand", 0, 3, "favorites")]
    assert store.windows_of("r1") == {}


def test_the_rate_of_reads_is_kept() -> None:
    now = [100.0]

    def rest(seconds: float) -> None:
        now[0] += seconds

    def page(rows: int, units: float) -> dict[str, Any]:
        return {"ScannedCount": rows, "ConsumedCapacity": {"CapacityUnits": units}}

    pace = Pace(50, clock=lambda: now[0], rest=rest)
    for _ in range(10):
        pace.spend(page(500, 25))
    assert now[0] == pytest.approx(105.0)
    assert pace.limit() == {"Limit": 160}  # eight units
    pace.spend(page(0, 0))  # the empty end of a segment says nothing of the rows
    assert pace.limit() == {"Limit": 160}
    pace.spend(page(1, 100))
    assert pace.limit() == {"Limit": 1}
    faster = Pace(5_000, clock=lambda: now[0], rest=rest)
    faster.spend(page(500, 25))
    assert faster.limit() == {"Limit": 2_000}  # fifty times a second
    moment = now[0]
    unbounded = Pace(None, clock=lambda: now[0], rest=rest)
    unbounded.spend(page(1, 1e9))
    assert (now[0], unbounded.limit()) == (moment, {})
