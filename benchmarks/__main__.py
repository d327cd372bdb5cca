"""`python -m benchmarks`: measure everything, print the table, write the JSON."""

import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import get_args

import click
from rich.console import Console

from benchmarks import designs, fold, stream_processor
from benchmarks.dynamodb import billion, clients, worker, write_units
from benchmarks.dynamodb import spans as spans_on_dynamodb
from benchmarks.dynamodb import verify as verify_on_dynamodb
from benchmarks.functions import cold_start, handler
from benchmarks.harness.report import Part, show, write_json
from benchmarks.harness.result import Benchmark, Run, Size
from benchmarks.http import http_put, revalidation
from benchmarks.peers import peers, questions
from benchmarks.sqlite import (
    aggregation,
    leaderboard,
    load,
    mark,
    own_table,
    rebuild,
    spans,
    triggers,
)

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
    "verify": verify_on_dynamodb.run,
    "billion": billion.run,
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
@click.option(
    "--quick",
    "size",
    flag_value="quick",
    type=click.Choice(get_args(Size)),
    help="Smaller sizes and fewer rounds: a look, no proof.",
)
@click.option("--full", "size", flag_value="full", help="The largest sizes, too: an hour or so.")
@click.option("--only", multiple=True, type=click.Choice(list(BENCHMARKS)), help="Only these.")
@click.option("--json", "path", type=click.Path(path_type=Path), default=LATEST, metavar="FILE")
def main(size: Size | None, only: tuple[str, ...], path: Path) -> None:
    """Measure tallies beside its peers.

    Exit code 1 when a benchmark fails or a bound of ours is missed.
    """
    size = size or "usual"
    progress = Console(stderr=True)
    out = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_THE_TABLE)
    parts: list[Part] = []
    failed: list[str] = []
    chosen = only or tuple(BENCHMARKS)
    try:
        for place, name in enumerate(chosen, 1):
            what = (BENCHMARKS[name].__doc__ or "").splitlines()[0]
            with progress.status(f"{place} of {len(chosen)}, {name}: {what}"):
                try:
                    parts.append(_measure(name, size))
                except Exception:  # noqa: BLE001 # the others are measured all the same
                    progress.print_exception()
                    failed.append(name)
                    continue
            show(parts[-1], out)
            write_json(parts, size, path)  # what is done stays when the rest is stopped
    except KeyboardInterrupt:
        out.print(f"Stopped; {len(parts)} of {len(chosen)} are in {path}.")
        sys.exit(130)
    missed = [r.what for part in parts for r in part.results if r.passed() is False]
    if missed:
        out.print(f"[bold red]{len(missed)} bounds missed:[/] " + "; ".join(missed))
    if failed:
        out.print("[bold red]Not measured, since they failed:[/] " + ", ".join(failed))
    sys.exit(1 if missed or failed else 0)


def _measure(name: str, size: Size) -> Part:
    notes: list[str] = []
    started = perf_counter()
    with tempfile.TemporaryDirectory(prefix="tallies-bench-") as folder:
        results = list(BENCHMARKS[name](Run(size, Path(folder), notes.append)))
    return Part(name, results, notes, perf_counter() - started)


if __name__ == "__main__":
    main()
