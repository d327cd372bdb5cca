"""The source scanned by several processes: the same answer, and one sentence when it fails."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.errors import NotInitialised, StoreError
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.snapshot.read import processes
from tallies.stores.dynamodb.snapshot.read.processes import Processes
from tallies.stores.dynamodb.snapshot.read.scan import SEGMENTS, Scan
from tallies.stores.placing import Placer
from tallies.stores.verified import Drift
from tests.engines import DynamoDBAccount
from tests.waiting import until

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

USERS = 60


@pytest.fixture
def filled(store: DynamoFavorites) -> DynamoFavorites:
    for user in range(USERS):
        store.mark(f"u{user}", f"r{user % 7}")
    aggregator = store.aggregator()
    while aggregator.step().records:
        pass
    return store


def processes_of(store: DynamoFavorites, wanted: int | None = None) -> Processes:
    return Processes(store.location.region, store.location.endpoint, wanted)


def scan_of(store: DynamoFavorites, segments: int) -> Scan:
    return Scan(store.names.source, ["pk"], segments, [Placer(FAVORITES)])


@pytest.mark.slow
def test_the_answer_is_the_same(filled: DynamoFavorites, tmp_path: Path) -> None:
    store = filled
    alone = store.verify(processes=1)
    heard: list[int] = []
    found = store.verify(
        processes=3,
        folder=tmp_path,
        progress=lambda what, done, total: heard.append(done) if "Scanning" in what else None,
    )
    assert (found, found.drifted) == (alone, [])
    assert heard[-1] == USERS
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_drifted_is_mended(filled: DynamoFavorites, client: "DynamoDBClient") -> None:
    client.delete_item(
        TableName=filled.names.tallies, Key={"group": {"S": "r1"}, "time_window": {"S": "all"}}
    )
    assert filled.rebuild(processes=2).drifted == [Drift("r1", "all", 9, 0, "favorites")]
    assert filled.verify(processes=2).drifted == []


class Killed(BaseException):
    """Nothing catches it."""


@pytest.mark.slow(but="3-2")
@pytest.mark.parametrize(("first", "then"), [(3, 2), (1, 3), (3, 1)])
def test_a_scan_goes_on_with_another_number_of_them(
    filled: DynamoFavorites, tmp_path: Path, first: int, then: int
) -> None:
    def die(what: str, done: int, total: int | None) -> None:
        raise Killed(done)

    with pytest.raises(Killed) as killed:
        filled.verify(processes=first, folder=tmp_path, progress=die)
    filled.unmark("u1", "r1")
    filled.mark("new", "r1")
    pages: list[int] = []
    found = filled.verify(
        processes=then,
        folder=tmp_path,
        progress=lambda what, done, total: pages.append(done) if "Scanning" in what else None,
    )
    assert found.drifted == []
    assert pages == [] or killed.value.args[0] < pages[0]


def test_every_row_comes_once(filled: DynamoFavorites) -> None:
    scan = scan_of(filled, 8)
    starts = dict.fromkeys(range(8))
    parts = list(processes_of(filled).read(scan, starts, None, 2))
    assert sum(part.rows for part in parts) == USERS
    assert {n: at for part in parts for n, at in part.cursors.items()} == dict.fromkeys(
        range(8), "done"
    )


def test_what_one_meets_is_told_in_one_sentence(
    filled: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    scan = scan_of(filled, 8)
    client.delete_table(TableName=scan.table)
    with pytest.raises(NotInitialised, match=f"There is no table {scan.table} at "):
        list(processes_of(filled).read(scan, dict.fromkeys(range(8)), None, 2))


def children() -> Iterator[int]:
    own = str(os.getpid())
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = stat.parent.name, stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if rest[1] == own and rest[0] != "Z":
            yield int(pid)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks for them in /proc")
def test_one_that_is_killed_ends_all_of_them(filled: DynamoFavorites) -> None:
    scan = scan_of(filled, 8)
    before = set(children())
    # At this rate each of them waits for seconds after each of its four pages.
    reading = processes_of(filled).read(scan, dict.fromkeys(range(8)), 0.5, 2)
    next(reading)
    started = set(children()) - before
    assert len(started) == 2
    os.kill(min(started), signal.SIGKILL)
    with pytest.raises(StoreError, match=r"ended with -9, .* run it again with fewer"):
        for _ in reading:
            pass
    assert not started & set(children())


def test_one_that_is_done_ends_by_itself(filled: DynamoFavorites) -> None:
    location = filled.location
    starts = dict.fromkeys(range(4))
    job = processes._Job(scan_of(filled, 4), starts, None, location.region, location.endpoint)
    command = [sys.executable, "-m", processes.__name__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        assert one.stderr is not None
        pickle.dump(job, one.stdin)
        one.stdin.flush()
        rows = 0
        while (found := pickle.load(one.stdout)) is not None:
            rows += found.rows
        assert one.wait() == 0  # though its caller is still there
        assert (rows, one.stderr.read()) == (USERS, b"")


CALLER = """
import sys
from tests.dynamodb.snapshot.test_processes import *
store = DynamoFavorites.from_url(sys.argv[1])
for _ in processes_of(store).read(scan_of(store, 8), dict.fromkeys(range(8)), 0.5, 2):
    print(*children(), flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks for them in /proc")
def test_they_end_with_a_caller_that_is_killed(filled: DynamoFavorites) -> None:
    command = [sys.executable, "-c", CALLER, filled.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        started = set(map(int, caller.stdout.readline().split()))
        assert len(started) == 2
        caller.kill()
        # They hold no pipe of ours: it is by their own that they hear of it.
        until(lambda: not any(map(runs, started)))


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_small_table_is_scanned_by_this_process_alone() -> None:
    some = Processes("eu-central-1", None)
    assert some.number(0, None) == some.number(1_999_999, None) == 1
    assert some.number(10**12, None) == len(os.sched_getaffinity(0))
    assert some.number(10**12, 500) == 1  # at this rate one is enough
    assert Processes("eu-central-1", None, 7).number(0, 1) == 7


@pytest.mark.parametrize(("left", "running"), [(8, 4), (2, 2)])
def test_segments_and_rate_are_shared(
    store: DynamoFavorites, monkeypatch: pytest.MonkeyPatch, left: int, running: int
) -> None:
    jobs: list[Any] = []

    @contextmanager
    def run(job: Any, handed: "Queue[Any]") -> Iterator[None]:
        jobs.append(job)
        handed.put(None)
        yield

    monkeypatch.setattr(processes, "_running", run)
    assert (
        list(processes_of(store).read(scan_of(store, 8), dict.fromkeys(range(left)), 100, 4)) == []
    )
    assert [job.units_a_second for job in jobs] == [100 / running] * running
    assert sorted(segment for job in jobs for segment in job.starts) == list(range(left))


def test_a_scan_is_divided_once(filled: DynamoFavorites, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    scan = Scan.read

    def read(self: Scan, *others: Any) -> Any:
        asked.append(self.segments)
        return scan(self, *others)

    monkeypatch.setattr(Scan, "read", read)
    filled.verify()
    assert asked == [SEGMENTS]


@pytest.mark.slow
def test_programs_that_are_no_modules_may_ask_for_them(
    filled: DynamoFavorites, aws_environment: DynamoDBAccount, tmp_path: Path
) -> None:
    """Of a program without a guard for its name a process must not run a copy."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, tallies\n"
        "from tallies.favorites.on_dynamodb import DynamoFavorites\n"
        "print(len(DynamoFavorites.from_url(sys.argv[1]).verify(processes=2).drifted))\n"
    )
    done = subprocess.run(
        [sys.executable, program, filled.url], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("0\n", "", 0)
