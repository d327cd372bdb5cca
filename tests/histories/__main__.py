"""`python -m tests.histories`: play one history again, or play on for an hour."""

from collections import Counter
from itertools import count
from pathlib import Path
from time import monotonic
from typing import get_args

import click

from tests.histories.history import Mode, play
from tests.histories.judge import Wrong

FAILED = Path("failed-histories.txt")


@click.command()
@click.option("--seed", default=0, show_default=True, help="The first history's number.")
@click.option("--mode", type=click.Choice(get_args(Mode)), help="Only this kind of guard.")
@click.option("--seconds", default=0.0, help="Play the following ones too, for so long.")
def main(seed: int, mode: Mode | None, seconds: float) -> None:
    """Play random histories with faults. Exit code 1 when one came out wrong."""
    until = monotonic() + seconds
    faults: Counter[str] = Counter()
    records = requests = failed = played = 0
    told = monotonic()
    for number in count(seed):
        try:
            history = play(number, mode)
            faults += history.faults
            records += history.records
            requests += history.requests
        except Wrong as error:
            failed += 1
            click.echo(f"history {number}: {error}", err=True)
            with FAILED.open("a") as file:
                file.write(f"{number} {mode or ''}\n")
        played += 1
        if monotonic() >= told + 10:
            told = monotonic()
            click.echo(f"{played:,} played, {failed} wrong, {until - told:,.0f} s to go", err=True)
        if monotonic() >= until:
            break
    click.echo(
        f"{played:,} histories from seed {seed} on: {records:,} records, {requests:,} requests,"
        f" {failed} wrong.\nFaults met: "
        + (", ".join(f"{n:,} {fault}" for fault, n in sorted(faults.items())) or "none")
    )
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()
