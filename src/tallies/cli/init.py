"""The command `init`: the tables."""

import click

from tallies.cli.options import declaration_option, store_option
from tallies.core.declaration import Declaration
from tallies.favorites.open import open_any


@click.command()
@declaration_option
@store_option()
def init(declared: Declaration | None, store: str) -> None:
    """Make the tables where they are missing.

    A declaration says which tallies they are for; without one, favorites of restaurants.

    \b
    Example:  tallies init --store sqlite:///favorites.db
    """
    with open_any(store, declared) as opened:
        made = opened.init()
        click.echo(f"{opened.url}: {'ready' if made else 'was ready already'}")
