"""The command `parked`: records that no tally could take in."""

import json
import sys

import click

from tallies.cli.options import json_option, store_option
from tallies.cli.output import err, out, print_json, print_table
from tallies.core.errors import Unfoldable
from tallies.favorites.open import open_any
from tallies.stores.protocol import Store


@click.group()
def parked() -> None:
    """List, retry or discard records that could not be counted.

    A record is parked, with all its content, when an attribute that a tally reads is missing or of
    the wrong kind. It blocks nothing, and is kept until somebody decides.

    \b
    Example:  tallies parked list
    """


@parked.command("list")
@json_option
@store_option()
def list_(as_json: bool, store: str) -> None:
    """Print all parked records with their reasons.

    \b
    Example:  tallies parked list --json
    """
    with open_any(store) as opened:
        records = list(opened.parked.records())
    if as_json:
        print_json([record._asdict() for record in records])
    elif records:
        rows = [
            (r.id, r.parked_at, r.reason, json.dumps(r.content, ensure_ascii=False, default=str))
            for r in records
        ]
        print_table(("id", "parked at", "reason", "content"), rows)
    else:
        out.print("Nothing is parked.")


_ids = click.argument("ids", nargs=-1, metavar="ID...")
_all = click.option("--all", "every", is_flag=True, help="All of them.")


@parked.command()
@_ids
@_all
@store_option()
def retry(ids: tuple[str, ...], every: bool, store: str) -> None:
    """Count parked records after all; exit 1 when one still cannot be.

    \b
    Example:  tallies parked retry --all
    """
    done = failed = 0
    with open_any(store) as opened:
        for record_id in chosen(opened, ids, every=every):
            try:
                opened.parked.retry(record_id)
            except Unfoldable as reason:
                err.print(f"{record_id}: {reason}", markup=False)
                failed += 1
            else:
                done += 1
    out.print(f"{done:,} counted, {failed:,} still parked")
    sys.exit(1 if failed else 0)


@parked.command()
@_ids
@_all
@click.option("--yes", is_flag=True, help="Without it nothing is discarded.")
@store_option()
def discard(ids: tuple[str, ...], every: bool, yes: bool, store: str) -> None:
    """Give parked records up: they will never be counted. Their content is printed.

    \b
    Example:  tallies parked discard --all --yes > discarded.ndjson
    """
    if not yes:
        raise click.UsageError("Discarded records are gone for good: add --yes if you mean it.")
    with open_any(store) as opened:
        wanted = set(chosen(opened, ids, every=every))
        contents = {each.id: each for each in opened.parked.records() if each.id in wanted}
        for record_id in sorted(wanted):
            opened.parked.discard(record_id)
            click.echo(json.dumps(contents[record_id]._asdict(), ensure_ascii=False, default=str))
    err.print(f"{len(wanted):,} discarded")


def chosen(store: Store, ids: tuple[str, ...], *, every: bool) -> list[str]:
    """The ids that a command is about.

    Raises:
        UsageError: none are named, or both kinds are.
    """
    if bool(ids) == every:
        raise click.UsageError("Name the ids that `tallies parked list` shows, or say --all.")
    return [each.id for each in store.parked.records()] if every else list(ids)
