"""Commands that look and change nothing: show, status."""

from dataclasses import asdict
from typing import Any

import click

from tallies.cli.options import json_option, store_option, tally_option
from tallies.cli.output import out, plain, print_json, print_pairs, print_table
from tallies.core.errors import InvalidInput
from tallies.core.groups import group_text
from tallies.core.ids import check_id
from tallies.core.tally import Tally
from tallies.favorites.open import open_any


@click.command()
@click.argument("group", nargs=-1)
@tally_option
@json_option
@store_option()
def show(group: tuple[str, ...], tally: str | None, as_json: bool, store: str) -> None:
    """Print every window of the restaurant GROUP.

    Where a declared tally groups by several attributes, give a value for each; where it is the
    total of a table, give none.

    \b
    Example:  tallies show my-restaurant --json
    """
    for value in group:
        check_id(value, "restaurant id" if len(group) == 1 else "group value")
    with open_any(store) as opened:
        tallies = opened.reading(tally)
        of = tallies.of
        if len(group) != len(of.group_by):
            raise InvalidInput(_how_many(of))
        windows = tallies.measures_of(group_text(group))
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
        out.print(f"No {' or '.join(of.measures)}{whose}.", markup=False)


def _how_many(tally: Tally) -> str:
    if not tally.labels:
        return "Give no value: the tally is the total of its table."
    values = "1 value" if len(tally.labels) == 1 else f"{len(tally.labels)} values"
    return f"Give {values}: {', '.join(tally.labels)}."


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
