"""The command `plan`: what the designs cost, and where they end."""

from dataclasses import asdict
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import click

from tallies.cli.options import json_option, time_format_option
from tallies.cli.output import err, print_json
from tallies.cli.plan_output import plan_json, print_plan
from tallies.core.windows import Window
from tallies.favorites.favorite import Event
from tallies.favorites.logs.events import BadLine, EventLog
from tallies.operate.chart import check_chart
from tallies.operate.plan.chart import draw
from tallies.operate.plan.plan import make_plan
from tallies.operate.plan.prices import read_prices
from tallies.operate.plan.setting import Setting
from tallies.operate.plan.workload.load import Load, load_of_events
from tallies.stores.layout import GUARDS, RANKINGS, Guard, Ranking

_DEFAULT = Load()
_SETTING = Setting()


def _windows(_: click.Context, __: click.Parameter, value: str) -> tuple[Window, ...]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    if names == ["none"]:
        return ()
    try:
        return tuple(dict.fromkeys(Window(name) for name in names))
    except ValueError:
        raise click.BadParameter(f"a comma-separated list of {', '.join(Window)}") from None


def _finite(_: click.Context, __: click.Parameter, value: float) -> float:
    """Seconds: click's ranges let NaN pass, since it is on neither side of them."""
    if not isfinite(value):
        raise click.BadParameter(f"{value} is not a number of seconds")
    return value


@click.command()
@click.option("--writes", type=float, metavar="N", help="Marks and unmarks a day (default: 7,000).")
@click.option("--removals", type=float, metavar="SHARE", help="Of unmarks among them (0.1).")
@click.option("--restaurants", type=float, metavar="N", help="That are marked at all (1,000).")
@click.option("--skew", type=float, metavar="S", help="Exponent of Zipf's law (1.0).")
@click.option("--peak", type=float, metavar="F", help="Busiest hour beside the mean (3).")
@click.option("--favorites", type=float, metavar="N", help="Rows of the source (those of a year).")
@click.option("--item-bytes", type=float, metavar="N", help="Of a row of the source (200).")
@click.option("--board-reads", type=float, metavar="N", help="Leaderboard pages a day (1,000).")
@click.option("--row-reads", type=float, metavar="N", help="Tallies read a day (5,000).")
@click.option(
    "--windows", default="all,month,day", callback=_windows, show_default=True, metavar="LIST"
)
@click.option(
    "--ranked", default="all,month,day", callback=_windows, show_default=True, metavar="LIST|none"
)
@click.option(
    "--batching-window",
    type=click.FloatRange(0, 300),
    callback=_finite,
    default=_SETTING.batching_window,
    show_default=True,
    metavar="SECONDS",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, 10_000),
    default=_SETTING.batch_size,
    show_default=True,
    metavar="N",
)
@click.option(
    "--memory",
    type=click.IntRange(128, 10_240),
    default=_SETTING.memory_mb,
    show_default=True,
    metavar="MB",
)
@click.option(
    "--architecture",
    type=click.Choice(["arm64", "x86_64"]),
    default=_SETTING.architecture,
    show_default=True,
)
@click.option(
    "--ranking-shards", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N"
)
@click.option(
    "--ranking",
    type=click.Choice(RANKINGS),
    default=_SETTING.ranking,
    show_default=True,
    help="What leaderboards' index is ordered by.",
)
@click.option(
    "--guard",
    type=click.Choice(GUARDS),
    default=_SETTING.guard,
    show_default=True,
    help="What keeps a record from counting twice.",
)
@click.option("--traces", is_flag=True, help="Trace each call of the aggregator with X-Ray.")
@click.option(
    "--doubled-index", is_flag=True, help="If transactions double the writes of an index, too."
)
@click.option("--free-tier/--no-free-tier", default=True, show_default=True)
@click.option("--region", default="us-east-1", show_default=True)
@click.option("--prices", type=click.Path(path_type=Path), metavar="FILE", help="Of your own.")
@click.option(
    "--stalest",
    type=click.FloatRange(0, 7 * 86_400),
    callback=_finite,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Designs that are further behind are not recommended.",
)
@click.option(
    "--from-events",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take rates and popularity from a log, as `tallies load` reads it.",
)
@click.option("--chart", type=click.Path(path_type=Path), metavar="FILE.svg|png")
@time_format_option
@json_option
def plan(
    writes: float | None,
    removals: float | None,
    restaurants: float | None,
    skew: float | None,
    peak: float | None,
    favorites: float | None,
    item_bytes: float | None,
    board_reads: float | None,
    row_reads: float | None,
    windows: tuple[Window, ...],
    ranked: tuple[Window, ...],
    batching_window: float,
    batch_size: int,
    memory: int,
    architecture: str,
    ranking_shards: int,
    ranking: Ranking,
    guard: Guard,
    traces: bool,
    doubled_index: bool,
    free_tier: bool,
    region: str,
    prices: Path | None,
    stalest: float,
    from_events: Path | None,
    chart: Path | None,
    time_format: str,
    as_json: bool,
) -> None:
    """Plan costs, staleness and limits of four designs, side by side.

    Stream + Lambda, stream + worker, a daily full scan, a synchronous second write. Only what
    counting adds is in the bill; the application's own table is the same in all.

    \b
    Example:  tallies plan --writes 200000 --restaurants 5000 --chart cost.svg
    """
    if chart:
        check_chart(chart)
    known = {
        "removals": removals,
        "restaurants": restaurants,
        "skew": skew,
        "peak": peak,
        "favorites": favorites,
        "item_bytes": item_bytes,
        "board_reads_a_day": board_reads,
        "row_reads_a_day": row_reads,
        "writes_a_day": writes,
    }
    given: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
    setting = Setting(
        batch_size=batch_size,
        batching_window=batching_window,
        memory_mb=memory,
        architecture=architecture,
        doubled_index=doubled_index,
        free_tier=free_tier,
        ranking_shards=ranking_shards,
        ranking=ranking,
        guard=guard,
        traces=traces,
    )
    priced = read_prices(region, prices)
    shape: dict[str, Any] = {"windows": windows, "ranked": tuple(w for w in ranked if w in windows)}
    if ranked_only := [each for each in ranked if each not in windows]:
        shape["ranked"] = (*shape["ranked"], *ranked_only)  # which Load refuses, by its name
    events: list[Event] = []
    if from_events:
        found, events = load_of_events(_events(from_events, time_format), **shape)
        load = Load(**{**asdict(found), **given})
    else:
        load = Load(**given, **shape)
    made = make_plan(load, setting, priced, events=events, stalest_seconds=stalest)
    if as_json:
        print_json(plan_json(made))
    else:
        print_plan(made)
    if chart:
        draw(made, chart)
        err.print(f"Chart in {chart}")


def _events(file: Path, time_format: str) -> list[Event]:
    with EventLog(file, datetime.now(UTC), time_format) as log:
        lines = list(log)
    bad = [line for line in lines if isinstance(line, BadLine)]
    if bad:
        first = f"line {bad[0].number}: {bad[0].sentence}"
        err.print(f"{len(bad):,} bad lines left out, the first: {first}")
    return [line for line in lines if not isinstance(line, BadLine)]
