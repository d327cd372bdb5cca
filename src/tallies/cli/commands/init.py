"""The command `init`: the tables."""

import click

from tallies.cli.commands.rebuild import steps
from tallies.cli.options import declaration_option, store_option
from tallies.core.declaration.declaration import Declaration
from tallies.favorites.open import open_any


@click.command()
@declaration_option
@store_option()
def init(declared: Declaration | None, store: str) -> None:
    """Make the tables where they are missing.

    A declaration says which tallies they are for; without one, favorites of restaurants. In an
    SQLite database the rows that the declared table has are counted, too; on DynamoDB
    `tallies rebuild` does that, once something reads the stream.

    \b
    Example:  tallies init --store sqlite:///favorites.db
    """
    with open_any(store, declared) as opened, steps() as report:
        made = opened.init(progress=report)
        click.echo(f"{opened.url}: {'ready' if made else 'was ready already'}")
