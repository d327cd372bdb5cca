"""Commands about the order of groups: top, rank."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tallies.cli.options import json_option, store_option, tally_option
from tallies.cli.output import headings, out, plain, print_json, print_table
from tallies.core.boards.spans import parse_span
from tallies.core.boards.tiling import find_span
from tallies.core.errors import InvalidInput
from tallies.core.groups import named_values
from tallies.core.naming import group_of
from tallies.core.tally import Tally
from tallies.favorites.open import open_any
from tallies.stores.protocol import MAX_GROUPS, MAX_OFFSET, MAX_PAGE
from tallies.stores.questions import MAX_AROUND, Line, among, leaders, neighbours, numbered


@click.command()
@click.argument("window", default="all")
@click.option(
    "-n", "limit", type=click.IntRange(1, MAX_PAGE), default=10, show_default=True, help="Lines."
)
@click.option(
    "--offset",
    type=click.IntRange(0, MAX_OFFSET),
    default=0,
    metavar="N",
    help="Leave the first N lines out.",
)
@click.option(
    "--among",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Only the groups in it: restaurant ids, one a line, at most {MAX_GROUPS:,}.",
)
@tally_option
@json_option
@store_option()
def top(
    window: str,
    limit: int,
    offset: int,
    file: Path | None,
    tally: str | None,
    as_json: bool,
    store: str,
) -> None:
    """Print the leaders: the restaurants with the most favorites, or groups of your own table.

    WINDOW is all, month, day (the current ones), one like 2026-11 or 2026-11-23, a span like
    2026-11-01..2026-11-15 (both ends included), last-7-days or last-24-hours, or trending:
    each day weighs half as much for every 3 days that have passed (trending-7-days: every 7).

    Where a declared tally groups by several attributes, FILE has their values in a line, with
    tabs between.

    \b
    Example:  tallies top 2017-08 -n 3
              tallies top last-7-days --among nearby.txt
    """
    parse_span(window)  # a mistake in it needs no store
    with open_any(store) as opened:
        tallies = opened.reading(tally)
        of = tallies.of
        span = find_span(window, of, datetime.now(UTC))
        if file is None:
            lines = numbered(leaders(tallies, span, limit, offset=offset), offset + 1)
        else:
            lines = among(tallies, span, _groups(file, of))[offset : offset + limit]
    if as_json:
        print_json(_as_data(of, lines))
    elif lines:
        _print(of, lines)
    else:
        out.print(f"No {of.ranked_by} in {span.name}.")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="GROUP [WINDOW]")
@click.option(
    "--around",
    type=click.IntRange(0, MAX_AROUND),
    default=5,
    show_default=True,
    help="Lines above and below it.",
)
@tally_option
@json_option
@store_option()
def rank(words: tuple[str, ...], around: int, tally: str | None, as_json: bool, store: str) -> None:
    """Print the place of GROUP among all, and who stands around it.

    GROUP is a restaurant, or a group of a table of your own. WINDOW is as in `tallies top`; all
    unless given. Where a declared tally groups by several
    attributes, give a value for each.

    \b
    Example:  tallies rank my-restaurant last-7-days --around 2
    """
    with open_any(store) as opened:
        tallies = opened.reading(tally)
        of = tallies.of
        parts = len(of.group_by)
        if not parts <= len(words) <= parts + 1:
            given = f"{' and '.join(of.labels)}, and after that " if parts else ""
            raise InvalidInput(f"Give {given}a window or nothing.")
        group = group_of(of, words[:parts])
        window = words[parts] if len(words) > parts else "all"
        span = find_span(window, of, datetime.now(UTC))
        found = neighbours(tallies, span, group, around)
    measure = of.ranked_by or ""
    if as_json:
        place = (found.rank, found.of, found.amount) if found else (None, None, 0)
        answer: dict[str, Any] = dict(zip(("rank", "of"), place, strict=False))
        answer[measure] = plain(place[2])
        print_json({**answer, "items": _as_data(of, found.lines) if found else []})
    elif found is None:
        out.print(f"No {measure} of {' '.join(words[:parts])} in {span.name}.")
    else:
        out.print(f"{found.rank:,} of {found.of:,} in {span.name}")
        _print(of, found.lines)


def _groups(file: Path, of: Tally) -> list[str]:
    """The groups that a file names.

    Raises:
        InvalidInput: it cannot be read, or a line of it is no group of this tally.
    """
    if not of.labels:
        raise InvalidInput("The tally is the total of its table; there are no groups to choose.")
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInput(f"The file {file} cannot be read: {reason}.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"The file {file} is no text in UTF-8.") from None
    groups = []
    for number, line in enumerate(lines, 1):
        if not (text := line.removesuffix("\r")):
            continue
        values = text.split("\t") if len(of.group_by) > 1 else [text]
        if len(values) != len(of.group_by):
            raise InvalidInput(
                f"{file}, line {number}: give {' and '.join(of.labels)}, with tabs between."
            )
        try:
            groups.append(group_of(of, values))
        except InvalidInput as error:
            raise InvalidInput(f"{file}, line {number}: {error}") from None
    return groups


def _as_data(of: Tally, lines: Sequence[Line]) -> list[dict[str, Any]]:
    measure = of.ranked_by or ""
    return [
        {
            "rank": line.rank,
            **named_values(of.labels, line.group),
            measure: plain(line.amount),
        }
        for line in lines
    ]


def _print(of: Tally, lines: Sequence[Line]) -> None:
    rows = [
        (line.rank, *named_values(of.labels, line.group).values(), line.amount) for line in lines
    ]
    print_table(("rank", *headings(of), of.ranked_by or ""), rows)
