"""The command `load`: a log of marks and unmarks goes into the store."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.progress import Progress

from tallies.cli.options import store_option, time_format_option
from tallies.cli.output import err, out, progress
from tallies.core.errors import counted
from tallies.favorites.favorite import Event
from tallies.favorites.logs.events import BadLine, EventLog
from tallies.favorites.open import check_favorites, open_favorites
from tallies.runtimes import embedded
from tallies.stores.protocol import Store
from tallies.stores.sqlite import SqliteStore

SHOWN_BAD_LINES = 20


class GoodLines:
    """The events of a log; bad lines are told on standard error and counted."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.bad = 0

    def __iter__(self) -> Iterator[Event]:
        for line in self._log:
            if isinstance(line, BadLine):
                self.bad += 1
                self._tell(line)
            else:
                yield line

    def _tell(self, line: BadLine) -> None:
        if self.bad <= SHOWN_BAD_LINES:
            err.print(f"line {line.number}: {line.sentence}")
        elif self.bad == SHOWN_BAD_LINES + 1:
            err.print("more bad lines are only counted")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--no-wait", is_flag=True, help="Return when the events are in the source.")
@time_format_option
@store_option()
def load(file: Path, no_wait: bool, time_format: str, store: str) -> None:
    """Load a log of marks and unmarks, CSV or NDJSON, plain or gzip.

    CSV has the header user_id,restaurant_id,created_at[,op]; op is mark or unmark, in any case.
    Logs that were put together may each have their header. A bad line is reported with its number
    and the rest is loaded; then the exit code is 1.

    \b
    Example:  tallies load favorites.csv.gz
              tallies load clicks.ndjson --time-format epoch-ms
    """
    with (
        EventLog(file, datetime.now(UTC), time_format) as log,
        open_favorites(store) as opened,
        progress("events") as bar,
    ):
        opened.init()
        check_favorites(opened)
        task = bar.add_task("Loading", total=log.size, events=0)
        lines = GoodLines(log)
        done = 0
        for done in opened.load(lines):
            bar.update(task, completed=log.bytes_read, events=done)
        if not no_wait:
            carry_over(opened, bar)
    bad = f", {counted(lines.bad, 'bad line')}" if lines.bad else ""
    out.print(f"{counted(done, 'event')} loaded{bad}")
    sys.exit(1 if lines.bad else 0)


def carry_over(store: Store, bar: Progress) -> None:
    """Wait until what is in the source now is in the tallies, aggregating if nobody else does."""
    if isinstance(store, SqliteStore):
        task = bar.add_task("Counting", total=None, events=0)
        for done, total in embedded.carry_over(store):
            bar.update(task, completed=done, total=total, events=done)
        return
    # Only now, since it needs packages that the embedded store does not.
    from tallies.runtimes.catch_up import catch_up

    task = bar.add_task("Counting", total=None, events=0)
    for events in catch_up(store):
        bar.update(task, events=events)
