"""A stream processor doing the same fold: Bytewax, a dataflow engine with a core in Rust.

It counts the same marks into the same three windows, keyed by restaurant and window, and its counts
have to come out equal. What it does not do here is what a fold alone does not do either: write
them anywhere, or know a record that comes twice.
"""

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from benchmarks.harness.measure import in_turns, seconds
from benchmarks.harness.result import Result, Run
from benchmarks.harness.workload import marks
from tallies.core.change import Change
from tallies.core.fold import Folder, fold
from tallies.favorites.tally import FAVORITES

BATCH = 10_000


def run(run: Run) -> Iterator[Result]:
    """Told, not judged: it is made for more than this."""
    try:
        # No import statement: the type checker of a machine without it would miss it.
        op: Any = import_module("bytewax.operators")
        dataflow: Any = import_module("bytewax.dataflow")
        testing: Any = import_module("bytewax.testing")
    except ModuleNotFoundError:
        run.note("stream-processor: bytewax is not installed; pip install bytewax")
        return
    records = run.pick(100_000, 20_000)
    images = [
        {"restaurant_id": event.restaurant_id, "created_at": event.created_at}
        for event in marks(records, days=1)
    ]
    changes = [Change(None, image, f"{number:040d}") for number, image in enumerate(images)]

    def ours() -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        folders = [Folder(FAVORITES)]
        for first in range(0, records, BATCH):
            deltas = fold(folders, changes[first : first + BATCH]).deltas[FAVORITES.name]
            found.update({place: int(n) for place, (n,) in deltas.items()})
        return found

    def theirs() -> Counter[tuple[str, str]]:
        counted: list[tuple[str, int]] = []
        flow = dataflow.Dataflow("favorites")
        source = testing.TestingSource(images, batch_size=BATCH)
        rows = op.flat_map("windows", op.input("marks", flow, source), _places)
        op.output("counts", op.count_final("count", rows, str), testing.TestingSink(counted))
        testing.run_main(flow)
        return Counter({_place(key): n for key, n in counted})

    if ours() != theirs():
        raise RuntimeError("the counts of the two are not the same")
    (found,) = in_turns(
        run.pick(5, 3), lambda: [records / seconds(ours)], lambda: [records / seconds(theirs)]
    )
    yield Result(
        what=f"{records:,} marks counted in memory",
        unit="records/s",
        ours=found.ours,
        peer_name="Bytewax, the same counts",
        peer=found.peer,
        ratio=found.ratio,
        higher_is_better=True,
    )


def _places(image: dict[str, str]) -> list[str]:
    group, at = image["restaurant_id"], image["created_at"]
    return [f"{group}/all", f"{group}/{at[:7]}", f"{group}/{at[:10]}"]


def _place(key: str) -> tuple[str, str]:
    group, _, window = key.partition("/")
    return group, window
