"""`python -m benchmarks.scale`: simulate, and write the JSON, the tables and the pictures."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.scale import chart
from benchmarks.scale.simulate import SEED
from benchmarks.scale.study import Plan, study
from benchmarks.scale.table import fill

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
RESULTS = HERE / "results.json"
PAGE = DOCS / "scale.md"


@click.command()
@click.option("--seed", default=SEED, show_default=True, help="Of everything that is random.")
@click.option("--redraw", is_flag=True, help="Only tables and pictures, from the JSON there is.")
def main(seed: int, redraw: bool) -> None:
    """Simulate the design from 7,000 writes a day to a million a second; half an hour."""
    if redraw:
        if not RESULTS.exists():
            raise click.ClickException("There are no results yet; run it without --redraw first.")
        found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    else:
        with Console(stderr=True).status("simulating") as status:
            found = study(Plan(), status.update, seed)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    chart.staleness(found, DOCS / "scale-staleness.svg")
    chart.limits(found, DOCS / "scale-limits.svg")
    fill(PAGE, found)


if __name__ == "__main__":
    main()
