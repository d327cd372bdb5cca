"""The command `demo`: the main job on a made-up city, or on a log of one's own."""

import logging
import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from time import monotonic

import click
from rich.progress import Progress

from tallies.cli.commands.load import GoodLines, carry_over
from tallies.cli.options import chosen_store, store_option, time_format_option
from tallies.cli.output import out, progress
from tallies.cli.serving import PORT, address_of, listen, run_app
from tallies.core.errors import InvalidInput, StoreError
from tallies.core.times import parse_time
from tallies.favorites.catalogue import Catalogue, read_names
from tallies.favorites.city import DAYS, MARKS_A_DAY, NOTICE, City, restaurants
from tallies.favorites.favorite import Event
from tallies.favorites.http import FavoritesInstruments, NoAuth, create_app
from tallies.favorites.logs.events import EventLog
from tallies.favorites.logs.replay import ReplayClock, replay
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.favorites.open import check_favorites, open_favorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.clock import Clock, utc_now

REPLAY_SECONDS = 300
"""How long the replay of a log takes unless `--speed` says otherwise."""

log = logging.getLogger(__name__)


@click.command()
@click.option("--port", type=PORT, default=8000, show_default=True, help="0 takes a free one.")
@click.option("--still", is_flag=True, help="Mark nothing after the start.")
@click.option(
    "--events",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A log of your own in place of the made-up city.",
)
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV restaurant_id,name[,cuisine] for the log.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="Replay the log this many times as fast as life (default: all of it in five minutes).",
)
@time_format_option
@click.option("--seed", type=int, default=7, show_default=True, help="Another city.")
@store_option(expose=False)
def demo(
    port: int,
    still: bool,
    events: Path | None,
    names: Path | None,
    speed: float | None,
    time_format: str,
    seed: int,
) -> None:
    """Run the whole thing on a made-up city, or on a log of your own, and serve its page.

    Its data go when it ends, unless --store names a file to keep them in.

    \b
    Example:  tallies demo --port 8000
    """
    catalogue: Catalogue = read_names(names) if names else {}
    clock = ReplayClock()
    with listen("127.0.0.1", port) as listener, _demo_store(clock if events else None) as store:
        if events is None:
            city = City(seed)
            with progress("events") as bar:
                _fill(store, bar, city.history(datetime.now(UTC)), DAYS * MARKS_A_DAY)
            _serve(
                store,
                listener,
                {**restaurants(), **catalogue},
                acts=() if still else city.live(),
                notice=NOTICE,
            )
        else:
            _demo_log(store, listener, events, catalogue, clock, speed, time_format, still=still)


def _demo_log(
    store: SqliteFavorites,
    listener: socket.socket,
    events: Path,
    catalogue: Catalogue,
    clock: ReplayClock,
    speed: float | None,
    time_format: str,
    *,
    still: bool,
) -> None:
    first, last, count = _span(events, time_format)
    clock.moment = last if still else first
    if still:
        with EventLog(events, datetime.now(UTC), time_format) as lines, progress("events") as bar:
            _fill(store, bar, GoodLines(lines), count)
        _serve(store, listener, catalogue, clock=clock)
        return
    pace = speed or max(1.0, (last - first).total_seconds() / REPLAY_SECONDS)
    with EventLog(events, datetime.now(UTC), time_format) as lines:
        out.print(f"Replaying {count:,} events, {pace:,.0f} times as fast as life")
        _serve(store, listener, catalogue, clock=clock, acts=replay(GoodLines(lines), pace))


def _span(events: Path, time_format: str) -> tuple[datetime, datetime, int]:
    """When a log begins and ends, and how many events it has."""
    count, first, last, bad = 0, "~", "", ""
    with EventLog(events, datetime.now(UTC), time_format) as lines:
        for line in lines:
            if isinstance(line, Event):
                count += 1
                first, last = min(first, line.created_at), max(last, line.created_at)
            elif not bad:
                bad = f" Line {line.number}: {line.sentence}"
    if not count:
        raise InvalidInput(f"{events} holds no event that can be used.{bad}")
    return parse_time(first), parse_time(last), count


@contextmanager
def _demo_store(clock: Clock | None) -> Iterator[SqliteFavorites]:
    with tempfile.TemporaryDirectory(prefix="tallies-demo-") as folder:
        path = Path(folder) / "demo.db"
        if (url := chosen_store()) is not None:
            with open_favorites(url) as chosen:
                if not isinstance(chosen, SqliteFavorites):
                    raise InvalidInput("The demo runs on SQLite; name a sqlite:/// store.")
                check_favorites(chosen)
                path = chosen.path
        with SqliteFavorites(path, clock=clock or utc_now) as store:
            store.init()
            yield store


def _fill(store: SqliteFavorites, bar: Progress, events: Iterable[Event], expected: int) -> None:
    task = bar.add_task("Moving in", total=expected, events=0)
    for done in store.load(events):
        bar.update(task, completed=done, events=done)
    carry_over(store, bar)


def _serve(
    store: SqliteFavorites,
    listener: socket.socket,
    catalogue: Catalogue,
    *,
    acts: Iterable[tuple[float, Event]] = (),
    clock: ReplayClock | None = None,
    notice: str | None = None,
) -> None:
    instruments = FavoritesInstruments()
    app = create_app(
        store,
        auth=NoAuth(),
        names=catalogue,
        instruments=instruments,
        background=EmbeddedLoop(store, instruments.applied),
        notice=notice,
        clock=clock or utc_now,
    )
    out.print(f"Look at {address_of(listener)}  (Ctrl-C ends it)")
    with _acting(store, acts, clock):
        run_app(app, listener)


@contextmanager
def _acting(
    store: SqliteFavorites, acts: Iterable[tuple[float, Event]], clock: ReplayClock | None
) -> Iterator[None]:
    """Meanwhile, in a thread, let the events happen one after another."""
    stop = Flag()

    def act() -> None:
        due = monotonic()
        for wait, event in acts:
            due += wait
            if stop.wait(max(0.0, due - monotonic())):
                return
            try:
                if event.op == "unmark":
                    store.unmark(event.user_id, event.restaurant_id)
                else:
                    store.mark(
                        event.user_id, event.restaurant_id, created_at=event.created_at or None
                    )
            except StoreError as error:
                log.warning("the demo leaves out an event: %s", error)
            if clock is not None:
                clock.moment = max(clock.moment, parse_time(event.created_at))

    thread = Thread(target=act, name="demo", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
