"""Processes that are forked with a store in use: each has connections of its own."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx2 as httpx
import pytest

from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite.connection import forks
from tests.engines.process import free_port
from tests.waiting import until
from tests.web import WEB

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
ROOT = Path(__file__).resolve().parents[3]
CHILDREN, MARKS = 4, 100


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteFavorites]:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        yield store


def forked(work: Callable[[], object]) -> int:
    """A process that does the work and ends, with 0 where it came to something true."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        code = 0 if work() else 2
    finally:
        os._exit(code)


def codes(children: list[int]) -> list[int]:
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def open_files(path: Path) -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:  # the one that listed them
            continue
        if target.startswith(str(path)):
            found.append(target)
    return found


def is_sound(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_child_inherits_no_open_file(store: SqliteFavorites) -> None:
    store.mark("ann", "noodles")
    store.get("ann", "noodles")
    assert open_files(store.path)
    assert codes([forked(lambda: open_files(store.path) == [])]) == [0]
    assert store.get("ann", "noodles") is not None


def test_parent_and_children_write_at_once(store: SqliteFavorites) -> None:
    with EmbeddedLoop(store):
        store.mark("before", "noodles")

        def work(who: str) -> bool:
            return all(store.mark(f"{who}-{n}", "noodles")[1] for n in range(MARKS))

        children = [forked(lambda n=n: work(f"child {n}")) for n in range(CHILDREN)]  # type: ignore[misc]
        assert work("parent")
        assert codes(children) == [0] * CHILDREN
        expected = 1 + (CHILDREN + 1) * MARKS
        until(lambda: store.tally("noodles", ["all"])["all"] == expected)
    assert store.verify().drifted == []
    assert is_sound(store.path)


def test_a_child_aggregates_when_the_parent_does_no_more(store: SqliteFavorites) -> None:
    """A fork does not copy the loop's thread."""
    with EmbeddedLoop(store):

        def work() -> bool:
            with SqliteFavorites(store.path) as other:
                until(lambda: other.tally("noodles", ["all"])["all"] == 1)
            return True

        child = forked(work)
    store.mark("ann", "noodles")
    assert codes([child]) == [0]


def test_a_fork_while_somebody_reads_leaves_his_connection_alone(store: SqliteFavorites) -> None:
    store.mark("ann", "noodles")
    with store.database.reading() as connection:
        count = "SELECT count(*) FROM favorites"
        assert connection.execute(count).fetchone() == (1,)

        def work() -> bool:
            store.mark("bob", "noodles")
            return store.get("bob", "noodles") is not None

        assert codes([forked(work)]) == [0]
        assert connection.execute(count).fetchone() == (1,)
    assert store.get("bob", "noodles") is not None


@pytest.mark.slow
def test_gunicorn_that_preloads(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--preload", "--workers", "3"),
            *("--bind", f"127.0.0.1:{port}", "--worker-class", "uvicorn_worker.UvicornWorker"),
            "tests.sqlite.connection.preloaded:app",
        ],
        cwd=ROOT,
        env={**os.environ, "PRELOADED_STORE": str(path)},
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            try:
                return WEB.get(f"{url}/health").status_code == 200
            except httpx.HTTPError:
                return False

        until(answers)

        def marks(who: int) -> None:
            for number in range(MARKS):
                assert WEB.put(f"{url}/users/{who}-{number}/favorites/noodles").status_code == 201

        with ThreadPoolExecutor(CHILDREN) as threads:
            list(threads.map(marks, range(CHILDREN)))
        tally = f"{url}/restaurants/noodles/tally"
        until(lambda: WEB.get(tally).json()["windows"]["all"] == 1 + CHILDREN * MARKS)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    with SqliteFavorites(path) as store:
        assert store.verify().drifted == []
    assert is_sound(path)


def test_what_was_followed_first_is_told_first() -> None:
    """A loop that begins its thread in a child needs its database to be ready."""
    told: list[int] = []

    class Told(forks.Forkable):
        def __init__(self, number: int) -> None:
            self.number = number

        def before_fork(self) -> None:
            told.append(self.number)

    all_ = [Told(number) for number in range(50)]
    for each in all_:
        forks.follow(each)
    assert codes([forked(lambda: told == list(range(50)))]) == [0]
