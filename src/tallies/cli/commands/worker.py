"""The command `worker`: the constantly running consumer."""

import logging
import signal
import sys
from collections.abc import Callable
from functools import partial
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING

import click

from tallies.cli.options import declaration_option, store_option
from tallies.cli.output import err, progress
from tallies.cli.serving import PORT
from tallies.cli.tracing import each_batch, each_batch_of_a_shard, traced, traces_option
from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import InvalidInput
from tallies.favorites.open import open_any
from tallies.http.service.metrics import Instruments
from tallies.runtimes.embedded import EmbeddedLoop, carry_over
from tallies.runtimes.exposition import Health
from tallies.stores.protocol import Applied, Store
from tallies.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

METRICS_HOST = "127.0.0.1"
EXIT_LOST = 1
BEATS = 3.5
"""A worker shows that it lives so many times in the time after which it would count as dead."""


@click.command()
@click.option(
    "--metrics-port",
    type=PORT,
    metavar="PORT",
    help="Serve metrics for Prometheus, and /health for whoever restarts; 0 takes a free port.",
)
@click.option(
    "--metrics-host",
    default=METRICS_HOST,
    show_default=True,
    metavar="ADDRESS",
    help="Serve them on this address; 0.0.0.0 is all.",
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
@traces_option
@declaration_option
@store_option()
def worker(
    metrics_port: int | None,
    metrics_host: str,
    take_over_after: float,
    once: bool,
    traces: bool,
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
    with (
        traced("tallies-worker", asked=traces) as provider,
        open_any(store, declared) as opened,
    ):
        if once:
            if metrics_port is not None:
                raise click.UsageError("--once ends by itself; leave --metrics-port out.")
            _carry_over(opened, each_batch(provider, lambda _: None))
            return
        log_to_standard_error()
        if isinstance(opened, SqliteStore):
            _aggregate(opened, provider, metrics_host, metrics_port)
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
            each_batch_of_a_shard(provider, metrics.applied),
            on_delay=metrics.delay.observe,
            beat_seconds=take_over_after / BEATS,
            dead_seconds=take_over_after,
        )
        metrics.watch(runs)
        if metrics_port is not None:
            serve = partial(metrics.serve, metrics_host, metrics_port, runs)
            _listen(serve, metrics_host, metrics_port)
        stop_on_signals(runs.stop)
        err.print(f"Worker {runs.name} reads the stream of {opened.url}")
        all_applied = runs.run()
    sys.exit(0 if all_applied else EXIT_LOST)


def _carry_over(store: Store, on_applied: Callable[[Applied], None]) -> None:
    with progress("records") as bar:
        task = bar.add_task("Counting", total=None, records=0)
        if isinstance(store, SqliteStore):
            for done, total in carry_over(store, on_applied):
                bar.update(task, completed=done, total=total, records=done)
            return
        from tallies.runtimes.catch_up import catch_up_alone
        from tallies.stores.dynamodb.client.errors import HistoryTrimmed
        from tallies.stores.dynamodb.store import DynamoStore

        if not isinstance(store, DynamoStore):
            raise click.UsageError(f"{store.url} has no change stream; name a DynamoDB store.")
        try:
            for done in catch_up_alone(store, on_applied):
                bar.update(task, records=done)
        except HistoryTrimmed as lost:
            bar.stop()
            click.echo(f"tallies: {lost}", err=True)
            sys.exit(EXIT_LOST)


def _aggregate(
    store: SqliteStore,
    provider: "TracerProvider | None",
    metrics_host: str,
    metrics_port: int | None,
) -> None:
    """Aggregate an embedded store until a signal comes."""
    stop = Event()
    instruments = Instruments()
    _ = store.position()  # the store is there: what is wrong with it is said now
    loop = EmbeddedLoop(store, each_batch(provider, instruments.applied))

    def health() -> Health:
        records, seconds = store.lag()
        figures = {"lag_records": records, "lag_seconds": seconds}
        return Health(loop.silent_seconds, figures, tuple(store.condition().troubles))

    if metrics_port is not None:
        instruments.watch(store)
        serve = partial(instruments.serve, metrics_host, metrics_port, health)
        _listen(serve, metrics_host, metrics_port)
    stop_on_signals(stop.set)
    with loop:
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


def _listen(serve: Callable[[], str], host: str, port: int) -> None:
    """Start the metrics, and say where.

    Raises:
        InvalidInput: the port is taken, or the address is none of this machine's.
    """
    try:
        url = serve()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInput(
            f"Cannot listen on {host} port {port}: {reason}; choose another with --metrics-host or"
            " --metrics-port."
        ) from error
    err.print(f"Metrics at {url} (health at /health)")
