"""The command `drop`: what `init` has made is taken away."""

import click

from tallies.cli.options import store_option
from tallies.cli.output import out
from tallies.core.errors import InvalidInput
from tallies.favorites.open import open_any
from tallies.stores.sqlite import SqliteStore


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@store_option()
def drop(yes: bool, store: str) -> None:
    """Take the tallies away: triggers, log and counts of an embedded store.

    The table that they are of keeps its rows. On DynamoDB nothing of ours stands in the table;
    delete the tables that `tallies status` names, or the stack that made them.

    \b
    Example:  tallies drop --yes --store sqlite:///shop.db
    """
    with open_any(store) as opened:
        if not isinstance(opened, SqliteStore):
            raise InvalidInput(
                f"{opened.url} is no embedded store; delete the tables that `tallies status` names."
            )
        source = opened.source
        if not yes:
            try:
                sure = click.confirm(f"Take the tallies of {source} in {opened.url} away?")
            except click.Abort:  # nobody is there to answer
                raise InvalidInput("Nothing was taken away; say --yes to do it unasked.") from None
            if not sure:
                out.print("Nothing was taken away.")
                return
        opened.drop()
        out.print(f"{opened.url}: the tallies of {source} are gone")
