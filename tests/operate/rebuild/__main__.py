"""`python -m tests.operate.rebuild`: a store under fire for hours, or simulated histories."""

import os
import tempfile
from collections import Counter
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from time import monotonic

import click

from tests.conformance.backend import Backend
from tests.conformance.test_dynamodb import DynamoBackend
from tests.conformance.test_sqlite import SqliteBackend
from tests.engines import DynamoDBAccount
from tests.engines.dynamodb import dynamodb_local
from tests.operate.rebuild.fire import Fire
from tests.operate.rebuild.simulated import dynamo_history, sqlite_history


@click.command()
@click.option("--store", type=click.Choice(["sqlite", "dynamodb"]), default="sqlite")
@click.option("--simulated", is_flag=True, help="In one process, killed at each step, by numbers.")
@click.option("--seed", default=0, show_default=True, help="The (first) number.")
@click.option("--seconds", default=60.0, show_default=True, help="Go on for so long.")
def main(store: str, simulated: bool, seed: int, seconds: float) -> None:
    """Plant drift, kill, rebuild, verify, again and again. Stops at the first wrong tally."""
    until = monotonic() + seconds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tallies-soak-")))
        if simulated:
            _simulate(store, seed, until)
            return
        if store == "sqlite":
            backend: Backend = SqliteBackend(folder)
        else:
            account = DynamoDBAccount(stack.enter_context(dynamodb_local()), access_key="soak")
            os.environ.update(account.env)
            backend = DynamoBackend(account)
        told = monotonic()
        with Fire(backend, seed, folder) as fire:
            while monotonic() < until:
                fire.round()
                if monotonic() >= told + 10:
                    told = monotonic()
                    _tell(fire.met)
        backend.settle()
        assert list(backend.store.verify().drifted) == []
    _tell(fire.met)


def _simulate(store: str, seed: int, until: float) -> None:
    play = sqlite_history.play if store == "sqlite" else dynamo_history.play
    for number in count(seed):
        with tempfile.TemporaryDirectory(prefix="tallies-soak-") as folder:
            play(number, Path(folder))
        if monotonic() >= until:
            click.echo(f"{number - seed + 1:,} histories from {seed} on, no drift")
            return


def _tell(met: Counter[str]) -> None:
    click.echo(", ".join(f"{n:,} {what}" for what, n in sorted(met.items())), err=True)


if __name__ == "__main__":
    main()
