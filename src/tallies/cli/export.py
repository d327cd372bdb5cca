"""The command `export`: the tallies as a file for a notebook or a spreadsheet."""

import sys
from io import TextIOWrapper
from pathlib import Path

import click

from tallies.cli.options import store_option, tally_option
from tallies.cli.output import err, progress
from tallies.core.errors import InvalidInput
from tallies.core.windows import Window
from tallies.operate.export import Format, lines, write_csv, write_file
from tallies.stores.open import open_store


@click.command()
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
@tally_option
@store_option()
def export(
    form: Format | None,
    kinds: tuple[str, ...],
    output: Path | None,
    tally: str | None,
    store: str,
) -> None:
    """Write a tally as a table: restaurant, kind of window, window, its first day, favorites.

    With --kind day or --kind month it is the history of every restaurant. Parquet needs
    tallies[export].

    \b
    Example:  tallies export --kind month -o history.parquet
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # Ids are UTF-8 in a file and in a pipe alike, whatever the terminal's encoding is.
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    form = form or ("parquet" if output and output.suffix == ".parquet" else "csv")
    if output is None and form == "parquet":
        raise InvalidInput("Parquet goes into a file; name one with --output.")
    with open_store(store) as opened, progress("rows") as bar:
        task = bar.add_task("Exporting", total=None, rows=0)
        tallies = opened.reading(tally)
        of = tallies.of
        found = lines(of, tallies.rows(), [Window(kind) for kind in kinds])
        steps = (
            write_csv(of, found, sys.stdout)
            if output is None
            else write_file(of, found, output, form)
        )
        done = 0
        for done in steps:
            bar.update(task, completed=done, rows=done)
    if output is None:
        sys.stdout.flush()
    else:
        err.print(f"{done:,} rows in {output}", markup=False)
