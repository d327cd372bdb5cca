"""`python -m benchmarks`: measure everything, print the table, write the JSON."""

import sys
import tempfile
from pathlib import Path
from time import perf_counter

import click
from rich.console import Console

from benchmarks import (
    aggregation,
    clients,
    cold_start,
    designs,
    fold,
    handler,
    http_put,
    leaderboard,
    load,
    mark,
    own_table,
    peers,
    questions,
    rebuild,
    revalidation,
    spans,
    spans_on_dynamodb,
    stream_processor,
    triggers,
    verify_dynamodb,
    worker,
    write_units,
)
from benchmarks.report import Part, show, write_json
from benchmarks.result import Benchmark, Run

BENCHMARKS: dict[str, Benchmark] = {
    "aggregation": aggregation.run,
    "triggers": triggers.run,
    "fold": fold.run,
    "mark": mark.run,
    "own-table": own_table.run,
    "http": http_put.run,
    "leaderboard": leaderboard.run,
    "load": load.run,
    "rebuild": rebuild.run,
    "verify": verify_dynamodb.run,
    "handler": handler.run,
    "cold-start": cold_start.run,
    "clients": clients.run,
    "worker": worker.run,
    "write-units": write_units.run,
    "spans": spans.run,
    "spans-dynamodb": spans_on_dynamodb.run,
    "revalidation": revalidation.run,
    "peers": peers.run,
    "questions": questions.run,
    "stream-processor": stream_processor.run,
    "designs": designs.run,
}
LATEST = Path(__file__).parent / "results" / "latest.json"
_WIDTH_OF_THE_TABLE = 150


@click.command()
@click.option("--quick", is_flag=True, help="Smaller sizes and fewer rounds: a look, no proof.")
@click.option("--only", multiple=True, type=click.Choice(list(BENCHMARKS)), help="Only these.")
@click.option("--json", "path", type=click.Path(path_type=Path), default=LATEST, metavar="FILE")
def main(quick: bool, only: tuple[str, ...], path: Path) -> None:
    """Measure tallies beside its peers. Exit code 1 when a bound of ours is missed."""
    progress = Console(stderr=True)
    out = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_THE_TABLE)
    parts: list[Part] = []
    chosen = only or tuple(BENCHMARKS)
    try:
        for place, name in enumerate(chosen, 1):
            what = (BENCHMARKS[name].__doc__ or "").splitlines()[0]
            with progress.status(f"{place} of {len(chosen)}, {name}: {what}"):
                parts.append(_measure(name, quick))
            show(parts[-1], out)
            write_json(parts, quick, path)  # what is done stays when the rest is stopped
    except KeyboardInterrupt:
        out.print(f"Stopped; {len(parts)} of {len(chosen)} are in {path}.")
        sys.exit(130)
    missed = [r.what for part in parts for r in part.results if r.passed() is False]
    if missed:
        out.print(f"[bold red]{len(missed)} bounds missed:[/] " + "; ".join(missed))
    sys.exit(1 if missed else 0)


def _measure(name: str, quick: bool) -> Part:
    notes: list[str] = []
    started = perf_counter()
    with tempfile.TemporaryDirectory(prefix="tallies-bench-") as folder:
        results = list(BENCHMARKS[name](Run(quick, Path(folder), notes.append)))
    return Part(name, results, notes, perf_counter() - started)


if __name__ == "__main__":
    main()
