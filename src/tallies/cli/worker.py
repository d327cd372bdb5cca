"""The command `worker`: the constantly running consumer."""

import logging
import signal
import sys
from collections.abc import Callable
from threading import Event
from types import FrameType

import click

from tallies.cli.options import declaration_option, store_option
from tallies.cli.output import err, progress
from tallies.cli.serving import PORT
from tallies.core.declaration import Declaration
from tallies.core.errors import InvalidInput
from tallies.favorites.open import open_any
from tallies.http.metrics import Instruments
from tallies.runtimes.embedded import EmbeddedLoop, carry_over
from tallies.stores.protocol import Store
from tallies.stores.sqlite import SqliteStore

METRICS_HOST = "127.0.0.1"
EXIT_LOST = 1
BEATS = 3.5
"""A worker shows that it lives so many times in the time after which it would count as dead."""


@click.command()
@click.option(
    "--metrics-port",
    type=PORT,
    metavar="PORT",
    help=f"Serve metrics for Prometheus on {METRICS_HOST}; 0 takes a free port.",
)
@click.option(
    "--take-over-after",
    type=click.FloatRange(1, 600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Take over the shards of a worker that has been silent for so long.",
)
@click.option("--once", is_flag=True, help="Carry over what is there now, then end.")
@declaration_option
@store_option()
def worker(
    metrics_port: int | None,
    take_over_after: float,
    once: bool,
    declared: Declaration | None,
    store: str,
) -> None:
    """Carry the changes of a table into its tallies until told to stop.

    Start as many as you like. On DynamoDB they share the shards of the stream, and when one dies
    the others take over; on an embedded store one of them works, and `tallies serve` is one more.
    SIGTERM or Ctrl-C ends it after the batches under way. Exit code 1 when the stream had dropped
    records before they were applied: then `tallies rebuild` is due.

    \b
    Example:  tallies worker --store dynamodb://eu-central-1/app
    """
    with open_any(store, declared) as opened:
        if once:
            _carry_over(opened)
            return
        log_to_standard_error()
        if isinstance(opened, SqliteStore):
            _aggregate(opened, metrics_port)
            return
        # Only now, since it needs packages that the embedded store does not.
        from tallies.runtimes.worker import Worker
        from tallies.runtimes.worker.metrics import Metrics
        from tallies.stores.dynamodb.store import DynamoStore

        if not isinstance(opened, DynamoStore):
            raise click.UsageError(f"{opened.url} has no change stream; name a DynamoDB store.")
        metrics = Metrics()
        runs = Worker(
            opened,
            metrics.applied,
            on_delay=metrics.delay.observe,
            beat_seconds=take_over_after / BEATS,
            dead_seconds=take_over_after,
        )
        metrics.watch(runs)
        if metrics_port is not None:
            err.print(f"Metrics at {listen(metrics.serve, metrics_port)}")
        stop_on_signals(runs.stop)
        err.print(f"Worker {runs.name} reads the stream of {opened.url}")
        all_applied = runs.run()
    sys.exit(0 if all_applied else EXIT_LOST)


def _carry_over(store: Store) -> None:
    with progress("records") as bar:
        task = bar.add_task("Counting", total=None, records=0)
        if isinstance(store, SqliteStore):
            for done, total in carry_over(store):
                bar.update(task, completed=done, total=total, records=done)
            return
        from tallies.runtimes.catch_up import catch_up

        for done in catch_up(store):
            bar.update(task, records=done)


def _aggregate(store: SqliteStore, metrics_port: int | None) -> None:
    """Aggregate an embedded store until a signal comes."""
    stop = Event()
    instruments = Instruments()
    _ = store.position()  # the store is there: what is wrong with it is said now
    if metrics_port is not None:
        url = listen(lambda host, port: instruments.serve(host, port, store.lag), metrics_port)
        err.print(f"Metrics at {url}")
    stop_on_signals(stop.set)
    with EmbeddedLoop(store, instruments.applied):
        err.print(f"Worker aggregates {store.url}")
        stop.wait()


def log_to_standard_error() -> None:
    """One line for each thing that an operator would want to know."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("tallies").setLevel(logging.INFO)


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT call `stop` once; whoever says it twice does not want to wait."""

    def leave(_: int, __: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)


def listen(serve: Callable[[str, int], str], port: int) -> str:
    """Start the metrics; their URL.

    Raises:
        InvalidInput: the port is taken.
    """
    try:
        return serve(METRICS_HOST, port)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInput(
            f"Cannot listen on {METRICS_HOST} port {port}: {reason}; choose another with"
            " --metrics-port."
        ) from error
