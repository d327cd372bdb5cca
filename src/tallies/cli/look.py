"""Commands that look and change nothing: top, show, status."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from tallies.cli.options import json_option, store_option, tally_option
from tallies.cli.output import headings, out, plain, print_json, print_table
from tallies.core.errors import InvalidInput, UnknownWindow
from tallies.core.groups import group_text, named_values
from tallies.core.ids import check_id
from tallies.core.windows import find_window
from tallies.stores.open import open_store
from tallies.stores.protocol import MAX_PAGE


@click.command()
@click.argument("window", default="all")
@click.option(
    "-n", "limit", type=click.IntRange(1, MAX_PAGE), default=10, show_default=True, help="Lines."
)
@tally_option
@json_option
@store_option()
def top(window: str, limit: int, tally: str | None, as_json: bool, store: str) -> None:
    """Print the restaurants with the most favorites.

    WINDOW is all, month, day (the current ones), or one like 2026-11 or 2026-11-23.

    \b
    Example:  tallies top 2017-08 -n 3
    """
    find_window(window, datetime.now(UTC))  # a mistake in it needs no store
    with open_store(store) as opened:
        tallies = opened.reading(tally)
        of = tallies.of
        named = find_window(window, datetime.now(ZoneInfo(of.zone)))
        if named.kind not in of.ranked:
            kinds = ", ".join(of.ranked) or "none at all"
            raise UnknownWindow(f"There is no leaderboard by {named.kind}; there is: {kinds}.")
        board = tallies.leaderboard(named.name, limit)
    measure = of.ranked_by or ""
    lines = [
        (rank, named_values(of.group_by, line.group), line.amount)
        for rank, line in enumerate(board, 1)
    ]
    if as_json:
        print_json(
            [{"rank": rank, **names, measure: plain(amount)} for rank, names, amount in lines]
        )
    elif lines:
        rows = [(rank, *names.values(), amount) for rank, names, amount in lines]
        print_table(("rank", *headings(of), measure), rows)
    else:
        out.print(f"No {measure} in {named.name}.")


@click.command()
@click.argument("group", nargs=-1, required=True)
@tally_option
@json_option
@store_option()
def show(group: tuple[str, ...], tally: str | None, as_json: bool, store: str) -> None:
    """Print every window of the restaurant GROUP.

    Where a declared tally groups by several attributes, give a value for each.

    \b
    Example:  tallies show my-restaurant --json
    """
    for value in group:
        check_id(value, "restaurant id" if len(group) == 1 else "group value")
    with open_store(store) as opened:
        tallies = opened.reading(tally)
        of = tallies.of
        if len(group) != len(of.group_by):
            raise InvalidInput(f"Give {len(of.group_by)} values: {', '.join(of.group_by)}.")
        windows = tallies.measures_of(group_text(group))
    if as_json:
        shown: dict[str, Any] = {
            window: {name: plain(value) for name, value in values.items()}
            for window, values in windows.items()
        }
        if len(of.measures) == 1:
            shown = {window: values[of.ranked_by] for window, values in shown.items()}
        print_json({**dict(zip(of.group_by, group, strict=True)), "windows": shown})
    elif windows:
        rows = [(window, *values.values()) for window, values in windows.items()]
        print_table(("window", *of.measures), rows)
    else:
        out.print(f"No {' or '.join(of.measures)} of {' '.join(group)}.", markup=False)


@click.command()
@json_option
@store_option()
def status(as_json: bool, store: str) -> None:
    """Print how far the aggregation is.

    \b
    Example:  tallies status --store sqlite:///favorites.db
    """
    with open_store(store) as opened:
        found = opened.status()
        url = opened.url
    if as_json:
        print_json({"store": url, **asdict(found)})
        return
    rows = {
        "store": url,
        "favorites": found.favorites,
        "behind (records)": found.lag_records,
        "behind (seconds)": found.lag_seconds,
        "parked records": found.parked,
        "aggregator": found.aggregator or "none is running",
        **found.details,
    }
    for name, value in rows.items():
        shown = f"{value:,}" if isinstance(value, int) else value
        out.print(f"{name:>18}  {'unknown' if shown is None else shown}", markup=False)
