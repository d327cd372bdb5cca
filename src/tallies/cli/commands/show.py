"""Commands that look and change nothing: show, status."""

from dataclasses import asdict
from typing import Any

import click

from tallies.cli.options import json_option, store_option, tally_option
from tallies.cli.output import out, plain, print_json, print_pairs, print_table
from tallies.core.naming import group_of
from tallies.favorites.open import open_any


@click.command()
@click.argument("group", nargs=-1)
@tally_option
@json_option
@store_option()
def show(group: tuple[str, ...], tally: str | None, as_json: bool, store: str) -> None:
    """Print every window of GROUP: a restaurant, or a group of a table of your own.

    Where a declared tally groups by several attributes, give a value for each; where it is the
    total of a table, give none.

    \b
    Example:  tallies show my-restaurant --json
    """
    with open_any(store) as opened:
        tallies = opened.reading(tally)
        of = tallies.of
        windows = tallies.measures_of(group_of(of, group))
    if as_json:
        shown: dict[str, Any] = {
            window: {name: plain(value) for name, value in values.items()}
            for window, values in windows.items()
        }
        if len(of.measures) == 1:
            shown = {window: values[of.ranked_by] for window, values in shown.items()}
        print_json({**dict(zip(of.labels, group, strict=True)), "windows": shown})
    elif windows:
        rows = [(window, *values.values()) for window, values in windows.items()]
        print_table(("window", *of.measures), rows)
    else:
        whose = " of " + " ".join(group) if group else ""
        out.print(f"No {' or '.join(of.measures)}{whose}.")


@click.command()
@json_option
@store_option()
def status(as_json: bool, store: str) -> None:
    """Print how far the aggregation is.

    \b
    Example:  tallies status --store sqlite:///favorites.db
    """
    with open_any(store) as opened:
        found = opened.status()
        url = opened.url
    if as_json:
        print_json({"store": url, **asdict(found)})
        return
    rows = {
        "store": url,
        f"rows in {found.source}": found.source_rows,
        "behind (records)": found.lag_records,
        "behind (seconds)": found.lag_seconds,
        "parked records": found.parked,
        "aggregator": found.aggregator or "none is running",
        **found.details,
    }
    print_pairs({name: "unknown" if value is None else value for name, value in rows.items()})
