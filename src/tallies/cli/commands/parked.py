"""The command `parked`: records that no tally could take in."""

import sys
from operator import attrgetter

import click
from rich.text import Text

from tallies.cli.options import json_option, store_option
from tallies.cli.output import err, json_text, out, print_json, width
from tallies.cli.table import shortened, visible, wrapped
from tallies.core.errors import Unfoldable, counted
from tallies.core.times import display_time
from tallies.favorites.open import open_any
from tallies.stores.parked import ParkedRecord
from tallies.stores.protocol import Store

INDENT = 2
LINE_CELLS = 160
"""Of a line where there is no terminal to say how long one is."""


@click.group()
def parked() -> None:
    """List, retry or discard records that could not be counted.

    A record is parked, with all its content, when an attribute that a tally reads is missing or of
    the wrong kind. It blocks nothing, and is kept until somebody decides.

    \b
    Example:  tallies parked list
    """


@parked.command("list")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Show the newest; --json has all.",
)
@json_option
@store_option()
def list_(limit: int, as_json: bool, store: str) -> None:
    """Print parked records with their reasons, the newest last.

    Of each its id, which `retry` and `discard` take, when it was parked and why, and the beginning
    of its content.

    \b
    Example:  tallies parked list --json
    """
    with open_any(store) as opened:
        records = sorted(opened.parked.records(), key=attrgetter("parked_at"))
    if as_json:
        print_json([record._asdict() for record in records])
        return
    if not records:
        out.print("Nothing is parked.")
        return
    newest = records[-limit:]
    for record in newest:
        _print(record)
    if len(newest) < len(records):
        out.print(
            f"The newest {len(newest):,} of {len(records):,} parked records; --limit shows more,"
            " --json has all."
        )
    else:
        out.print(counted(len(records), "parked record"))


def _print(record: ParkedRecord) -> None:
    """Three lines: the id stands alone, so that it can be copied; the content is cut short."""
    room = (width() or LINE_CELLS) - INDENT
    content = json_text(record.content)
    reason = f"{display_time(record.parked_at)}  {record.tally}: {record.reason}"
    out.print(Text(visible(record.id)))
    for line in (*wrapped(reason, room), shortened(content, room)):
        out.print(Text(" " * INDENT + line))


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
                err.print(f"{record_id}: {reason}")
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
            click.echo(json_text(contents[record_id]._asdict()))
    err.print(f"{len(wanted):,} discarded")


def chosen(store: Store, ids: tuple[str, ...], *, every: bool) -> list[str]:
    """The ids that a command is about.

    Raises:
        UsageError: none are named, or both kinds are.
    """
    if bool(ids) == every:
        raise click.UsageError("Name the ids that `tallies parked list` shows, or say --all.")
    return [each.id for each in store.parked.records()] if every else list(ids)
