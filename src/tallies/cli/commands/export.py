"""The command `export`: the tallies as a file for a notebook or a spreadsheet."""

import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

import click

from tallies.cli.options import store_option, tally_option
from tallies.cli.output import err, progress
from tallies.core.boards.spans import parse_span
from tallies.core.boards.tiling import cut
from tallies.core.errors import InvalidInput
from tallies.core.naming import check_kind
from tallies.core.windows import Window
from tallies.favorites.open import open_any
from tallies.operate.export import Format, lines, span_lines, write_csv, write_file

OTHER_FORMATS = {".json", ".jsonl", ".xls", ".xlsx", ".ods", ".arrow", ".feather", ".avro"}


def form_of(output: Path | None) -> Format:
    """The format that a file's name asks for; CSV where its ending is none that is known.

    Raises:
        InvalidInput: it is the ending of another format.
    """
    ending = output.suffix.lower() if output else ""
    if ending in OTHER_FORMATS:
        raise InvalidInput(
            f"{output} would be CSV under another name; end it with .csv or .parquet."
        )
    return "parquet" if ending == ".parquet" else "csv"


@click.command()
@click.argument("window", required=False)
@click.option(
    "--format", "form", type=click.Choice(["csv", "parquet"]), help="Default: by the file's name."
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in Window]),
    help="Only windows of this kind.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Default: standard output, as CSV.",
)
@click.option(
    "--for-spreadsheets",
    is_flag=True,
    help="As CSV that is safe to open in a spreadsheet: no text in it is a formula.",
)
@tally_option
@store_option()
def export(
    window: str | None,
    form: Format | None,
    kinds: tuple[str, ...],
    output: Path | None,
    for_spreadsheets: bool,
    tally: str | None,
    store: str,
) -> None:
    """Write a tally as a table: its groups, kind of window, window, its first day, its measures.

    Of favorites the groups are the restaurants. With --kind day or --kind month it is the history
    of every group. With a WINDOW, any that `tallies top` knows, it is that one or that span, a line
    for each group. Parquet needs tallies[export].

    CSV has every value exactly as it is, for programs. Whoever opens it in a spreadsheet adds
    --for-spreadsheets: anybody may have named a restaurant =1+1, and a spreadsheet would reckon.

    \b
    Example:  tallies export --kind month -o history.parquet
              tallies export 2026-11-01..2026-11-15 -o first-half.csv --for-spreadsheets
    """
    asked = None if window is None else parse_span(window)  # a mistake in it needs no store
    if asked is not None and kinds:
        raise InvalidInput("Name a window or --kind, not both.")
    if isinstance(sys.stdout, TextIOWrapper):
        # Ids are UTF-8 in a file and in a pipe alike, whatever the terminal's encoding is.
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    form = form or form_of(output)
    if form == "parquet" and for_spreadsheets:
        raise InvalidInput("--for-spreadsheets is about CSV; name a file that ends with .csv.")
    if output is None and form == "parquet":
        raise InvalidInput("Parquet goes into a file; name one with --output.")
    with open_any(store) as opened, progress("rows") as bar:
        task = bar.add_task("Exporting", total=None, rows=0)
        tallies = opened.reading(tally)
        of = tallies.of
        for kind in kinds:
            check_kind(kind, of.windows)
        span = None if asked is None else cut(asked, of, datetime.now(UTC), of.windows)
        if span is None:
            found = lines(of, tallies.rows(), [Window(kind) for kind in kinds])
        elif name := span.window:
            found = lines(of, (row for row in tallies.rows() if row.window == name))
            span = None
        else:
            found = span_lines(of, tallies.rows(), span)
        steps = (
            write_csv(of, found, sys.stdout, span, for_spreadsheets=for_spreadsheets)
            if output is None
            else write_file(of, found, output, form, span, for_spreadsheets=for_spreadsheets)
        )
        done = 0
        for done in steps:
            bar.update(task, completed=done, rows=done)
    if output is None:
        sys.stdout.flush()
    else:
        err.print(f"{done:,} rows in {output}")
