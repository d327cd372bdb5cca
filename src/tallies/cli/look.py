"""Commands that look and change nothing: top, show, status."""

from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count

import click

from tallies.cli.options import json_option, store_option
from tallies.cli.output import out, print_json, print_table
from tallies.core.errors import UnknownWindow
from tallies.core.ids import check_id
from tallies.core.windows import find_window
from tallies.stores.favorites_tally import FAVORITES
from tallies.stores.open import open_store
from tallies.stores.protocol import MAX_PAGE


@click.command()
@click.argument("window", default="all")
@click.option(
    "-n", "limit", type=click.IntRange(1, MAX_PAGE), default=10, show_default=True, help="Lines."
)
@json_option
@store_option()
def top(window: str, limit: int, as_json: bool, store: str) -> None:
    """Print the restaurants with the most favorites.

    WINDOW is all, month, day (the current ones), or one like 2026-11 or 2026-11-23.

    \b
    Example:  tallies top 2017-08 -n 3
    """
    named = find_window(window, datetime.now(UTC))
    if named.kind not in FAVORITES.ranked:
        raise UnknownWindow(f"There is no leaderboard by {named.kind}; use all, a month or a day.")
    with open_store(store) as opened:
        board = opened.leaderboard(named.name, limit)
    rows = [(rank, line.group, line.amount) for rank, line in zip(count(1), board, strict=False)]
    if as_json:
        print_json(
            [dict(zip(("rank", "restaurant_id", "favorites"), row, strict=True)) for row in rows]
        )
    elif rows:
        print_table(("rank", "restaurant", "favorites"), rows)
    else:
        out.print(f"No favorites in {named.name}.")


@click.command()
@click.argument("group")
@json_option
@store_option()
def show(group: str, as_json: bool, store: str) -> None:
    """Print every window of the restaurant GROUP.

    \b
    Example:  tallies show my-restaurant --json
    """
    check_id(group, "restaurant id")
    with open_store(store) as opened:
        windows = opened.windows_of(group)
    if as_json:
        print_json({"restaurant_id": group, "windows": windows})
    elif windows:
        print_table(("window", "favorites"), windows.items())
    else:
        out.print(f"No favorites of {group}.", markup=False)


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
