"""The command `init`: the tables."""

import click

from tallies.cli.options import store_option
from tallies.stores.open import open_store


@click.command()
@store_option()
def init(store: str) -> None:
    """Make the tables where they are missing.

    \b
    Example:  tallies init --store sqlite:///favorites.db
    """
    with open_store(store) as opened:
        made = opened.init()
        click.echo(f"{opened.url}: {'ready' if made else 'was ready already'}")
