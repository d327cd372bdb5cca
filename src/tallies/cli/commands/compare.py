"""The command `compare`: five ways to keep the counts, on the same events and engine."""

from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click

from tallies.cli.commands.load import GoodLines
from tallies.cli.options import json_option, time_format_option
from tallies.cli.output import err, out, print_json, print_table, progress
from tallies.core.errors import InvalidInput
from tallies.favorites.city import City
from tallies.favorites.favorite import Event
from tallies.favorites.logs.events import EventLog
from tallies.operate.chart import check_chart
from tallies.operate.compare.chart import draw
from tallies.operate.compare.engines import engine_named
from tallies.operate.compare.run import Outcome
from tallies.operate.compare.run import compare as run

RATES = {"sqlite": 500.0, "dynamodb": 20.0}
"""Writes a second unless said otherwise: what the engines do with ease."""


@click.command()
@click.option(
    "--events",
    "log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A log as `tallies load` reads it (default: a made-up city).",
)
@click.option(
    "--engine",
    default="sqlite",
    show_default=True,
    metavar="sqlite|URL",
    help="sqlite, or dynamodb://REGION/PREFIX: tables are made there and dropped after.",
)
@click.option(
    "-n", "count", type=click.IntRange(10, 1_000_000), help="Writes (2,000; DynamoDB: 400)."
)
@click.option("--rate", type=click.FloatRange(0.1, 100_000), help="Writes a second (500; 20).")
@click.option("--kills", type=click.IntRange(0, 1000), default=8, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of when to kill.")
@click.option("--chart", type=click.Path(path_type=Path), metavar="FILE.svg|png")
@time_format_option
@json_option
def compare(
    log: Path | None,
    engine: str,
    count: int | None,
    rate: float | None,
    kills: int,
    seed: int,
    chart: Path | None,
    time_format: str,
    as_json: bool,
) -> None:
    """Compare ways to keep counts: how slow a write, how stale, how wrong after a crash.

    Each design writes the same events at the same rate on the same engine. Then a process that
    does so is killed a few times, and its counts are compared with GROUP BY.

    \b
    Example:  tallies compare --events favorites.csv.gz --chart compare.svg
    """
    if chart:
        check_chart(chart)
    chosen = engine_named(engine)
    kind = "sqlite" if engine == "sqlite" else "dynamodb"
    wanted = count or (2_000 if kind == "sqlite" else 400)
    events = _events(log, time_format, wanted)
    with progress("writes") as bar:
        tasks = {}

        def told(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total, writes=0)
            bar.update(tasks[what], completed=done, writes=done)

        outcomes = run(
            chosen, events, rate=rate or RATES[kind], kills=kills, seed=seed, progress=told
        )
    if as_json:
        print_json(
            {
                "engine": kind,
                "writes": len(events),
                "kills": kills,
                "unit": chosen.unit,
                "designs": [asdict(outcome) for outcome in outcomes],
            }
        )
    else:
        _print(outcomes, chosen.unit, len(events), kills)
    if chart:
        draw(outcomes, chart)
        err.print(f"Chart in {chart}")


def _events(log: Path | None, time_format: str, count: int) -> list[Event]:
    if log is None:
        return list(islice(City().history(datetime.now(UTC)), count))
    with EventLog(log, datetime.now(UTC), time_format) as lines:
        found = list(islice(GoodLines(lines), count))
    if not found:
        raise InvalidInput(f"{log} has no events to compare by; give a log that has some.")
    return found


def _print(outcomes: list[Outcome], unit: str, writes: int, kills: int) -> None:
    print_table(
        ("design", "write p50", "p99", "behind p50", "p99", "cost", "wrong"),
        [
            (
                each.design,
                f"{each.write_p50_ms:.3g} ms",
                f"{each.write_p99_ms:.3g} ms",
                _time(each.stale_p50_seconds),
                _time(each.stale_p99_seconds),
                f"{each.write_units:.2f}",
                f"{each.wrong:,} of {each.counts:,}",
            )
            for each in outcomes
        ],
    )
    out.print(
        f"\n{writes:,} writes. Cost: {unit} of counting for each of them. Wrong: counts that differ"
        f" from GROUP BY after {kills} kills.\nIn one: the favorite and its counts in one"
        " transaction. No guard: as in most samples, ADD and then a checkpoint."
    )


def _time(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
