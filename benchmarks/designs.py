"""`tallies compare` on SQLite: what designs cost a writer, and what kills leave of their counts."""

from collections.abc import Iterator

from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import marks
from tallies.operate.compare.designs import STREAM
from tallies.operate.compare.engines import engine_named
from tallies.operate.compare.run import compare

RATE = 500.0


def run(run: Run) -> Iterator[Result]:
    """The counts of ours have to be right; all else is told."""
    events = list(marks(run.pick(2_000, 500), days=30, restaurants=200))
    kills = run.pick(12, 4)
    outcomes = {
        each.design: each
        for each in compare(engine_named("sqlite"), events, rate=RATE, kills=kills, seed=1)
    }
    ours = outcomes.pop(STREAM)
    yield Result(
        f"counts wrong after {kills} kills", "counts", ours.wrong, bound=Bound("<=", 0, of="ours")
    )
    for name, peer in outcomes.items():
        yield Result("counts wrong", "counts", ours.wrong, name, peer.wrong)
        ratio = ours.write_p50_ms / peer.write_p50_ms
        yield Result("a write, p50", "ms", ours.write_p50_ms, name, peer.write_p50_ms, ratio)
        behind = ours.stale_p99_seconds, peer.stale_p99_seconds
        yield Result("behind, p99", "s", behind[0], name, behind[1])
