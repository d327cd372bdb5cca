"""`python -m benchmarks.scale`: simulate, and write the JSON, the tables and the pictures."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.scale.report import chart
from benchmarks.scale.report.table import fill
from benchmarks.scale.simulate import SEED
from benchmarks.scale.study import Plan, names_of, only, renewed, study

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
RESULTS = HERE / "results.json"
PAGE = DOCS / "scale.md"


@click.command()
@click.option("--seed", default=SEED, show_default=True, help="Of everything that is random.")
@click.option("--redraw", is_flag=True, help="Only tables and pictures, from the JSON there is.")
@click.option(
    "--only",
    "names",
    metavar="NAME",
    type=click.Choice(names_of(Plan())),
    multiple=True,
    help="A setting to run again, as the tables name it; results of the others stay.",
)
def main(seed: int, redraw: bool, names: tuple[str, ...]) -> None:
    """Simulate the design from 7,000 writes a day to a million a second; about an hour."""
    found: dict[str, Any] = {}
    if redraw or names:
        if not RESULTS.exists():
            raise click.ClickException("There are no results yet; run it without options first.")
        found = json.loads(RESULTS.read_text(encoding="utf-8"))
    if not redraw:
        with Console(stderr=True).status("simulating") as status:
            now = study(only(names) if names else Plan(), status.update, seed)
        try:
            found = renewed(found, now) if names else now
        except KeyError as missing:
            raise click.ClickException(f"There are no results yet of {missing}.") from missing
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    chart.staleness(found, DOCS / "scale-staleness.svg")
    chart.limits(found, DOCS / "scale-limits.svg")
    fill(PAGE, found)


if __name__ == "__main__":
    main()
