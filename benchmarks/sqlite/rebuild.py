"""A rebuild of a large file: its scan beside a plain one, its memory, what its writers feel."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from shutil import copyfile

from benchmarks.harness.measure import in_turns, percentile, seconds
from benchmarks.harness.processes import beside
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import RESTAURANTS, marks, user
from tallies.favorites.on_sqlite import SqliteFavorites

_DAYS = 365
_SEED = """
import resource, sys
from tallies.favorites.on_sqlite import SqliteFavorites
with SqliteFavorites(sys.argv[1]) as store:
    print("begins", flush=True)
    store.rebuild()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

_COMPUTE = 'print("begins", flush=True)\nwhile True: pass'


def run(run: Run) -> Iterator[Result]:
    """Time, memory, and the latency of writers."""
    rows = run.pick(2_000_000, 100_000, usual=150_000)
    path = run.folder / "large.db"
    _fill(path, rows)
    yield _scan(run, path, rows)
    unseeded = run.folder / "unseeded.db"
    _unseed(path, unseeded)
    small = run.folder / "small.db"
    _fill(run.folder / "small-seeded.db", rows // 10)
    _unseed(run.folder / "small-seeded.db", small)
    yield _memory(run, unseeded, small, rows)
    # A round lasts as long as a rebuild, and what a single write waits for is the same in each.
    yield from _writers(run, unseeded if run.size == "full" else small)


def _fill(path: Path, rows: int) -> None:
    with SqliteFavorites(path) as store:
        store.init()
        for _ in store.load(marks(rows, days=_DAYS)):
            pass
        aggregator = store.aggregator()
        while aggregator.step().records:
            pass


def _unseed(path: Path, copy: Path) -> None:
    """A copy in which everything is still to be mended."""
    copyfile(path, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("DELETE FROM tallies_favorites")


def _scan(run: Run, path: Path, rows: int) -> Result:
    with SqliteFavorites(path) as store, closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA cache_size = -32768")

        def plain() -> None:
            """What any program does that wants to look at every row of both tables."""
            for table in ("favorites", "tallies_favorites"):
                for _ in connection.execute(f"SELECT * FROM {table}"):
                    pass

        def rebuild() -> None:
            assert not store.rebuild().drifted

        (found,) = in_turns(
            run.pick(5, 3, usual=3),
            lambda: [rows / seconds(rebuild)],
            lambda: [rows / seconds(plain)],
        )
    return Result(
        what=f"rebuild of {rows:,} favorites that finds nothing",
        unit="favorites/s",
        ours=found.ours,
        peer_name="reading all rows",
        peer=found.peer,
        ratio=found.ratio,
        bound=None,  # since any table can be verified, a row costs some ten times a plain read
        higher_is_better=True,
    )


def _memory(run: Run, unseeded: Path, small: Path, rows: int) -> Result:
    def peak(path: Path) -> float:
        copy = run.folder / "copy.db"
        copyfile(path, copy)
        return _rebuild_in_process(copy) / 1024

    (found,) = in_turns(1, lambda: [peak(unseeded)], lambda: [peak(small)])
    return Result(
        what=f"memory of the process that seeds {rows:,} favorites",
        unit="MiB",
        ours=found.ours,
        peer_name="a tenth of them",
        peer=found.peer,
        ratio=found.ratio,
        bound=Bound("<=", 1.5),
    )


def _rebuild_in_process(path: Path) -> int:
    """Peak memory in KiB."""
    done = subprocess.run([sys.executable, "-c", _SEED, str(path)], capture_output=True, check=True)
    return int(done.stdout.split()[-1])


def _writers(run: Run, unseeded: Path) -> Iterator[Result]:
    """Beside a process that only computes: what is more than that is the file's doing.

    On a machine whose every core is busy, as that of a small benchmark is, any process at all
    makes the slowest writes slower. So the ratio to a machine without it is told, not judged.
    """
    copies = count()
    marked: list[int] = []

    def one(program: str | None) -> list[float]:
        path = run.folder / f"copy-{next(copies)}.db"
        copyfile(unseeded, path)
        with SqliteFavorites(path) as store:
            store.mark("first", "of all")  # opens the file
            if program == _SEED:
                taken = _while_rebuilding(store)
                marked.append(len(taken))
            else:
                with beside(program, str(path)):
                    taken = [_mark(store, number) for number in range(marked[-1])]
        path.unlink()
        return [percentile(taken, share) * 1e6 for share in (0.5, 0.99)]

    one(_SEED)
    for peer, name, bound in (
        (_COMPUTE, "a process that computes", Bound("<=", 1.2)),
        (None, "nothing else runs", None),
    ):
        pairs = in_turns(run.pick(7, 3, usual=3), lambda: one(_SEED), partial(one, peer))
        for share, found in zip(("p50", "p99"), pairs, strict=True):
            yield Result(
                what=f"mark {share} while another process seeds all tallies",
                unit="µs",
                ours=found.ours,
                peer_name=name,
                peer=found.peer,
                ratio=found.ratio,
                bound=bound,
            )
    run.note(f"rebuild: a round of the writer was about {marked[-1]:,} marks, until it had ended")


def _while_rebuilding(store: SqliteFavorites) -> list[float]:
    """Seconds of each mark from the beginning of a rebuild to its end."""
    taken = []
    with subprocess.Popen(
        [sys.executable, "-c", _SEED, str(store.path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for number in count():
            if process.poll() is not None:
                break
            taken.append(_mark(store, number))
    return taken


def _mark(store: SqliteFavorites, number: int) -> float:
    return seconds(lambda: store.mark(user(number), f"restaurant-{number % RESTAURANTS:07d}"))
