"""The option `--traces`: where spans come from, and nothing at all without it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tallies.core.errors import InvalidInput
from tallies.stores.protocol import Applied

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

traces_option = click.option(
    "--traces",
    is_flag=True,
    help="Send traces by OpenTelemetry, as OTEL_EXPORTER_OTLP_ENDPOINT and the like say.",
)


@contextmanager
def traced(service: str, *, asked: bool) -> Iterator["TracerProvider | None"]:
    """What makes spans, if it is asked for; at the end of the block they are all sent.

    Raises:
        InvalidInput: the packages for it are missing.
    """
    if not asked:
        yield None
        return
    try:
        from tallies.runtimes.tracing import tracing
    except ModuleNotFoundError as missing:
        raise InvalidInput(
            "--traces needs more packages; run: pip install 'tallies[otel]'"
        ) from missing
    with tracing(service) as provider:
        yield provider


def each_batch(
    provider: "TracerProvider | None", applied: Callable[[Applied], None]
) -> Callable[[Applied], None]:
    """The callback of a loop, and spans of each batch if there are any: without, it is the
    callback itself."""
    if provider is None:
        return applied
    from tallies.runtimes.tracing import batch_spans

    spans = batch_spans(provider)

    def both(step: Applied) -> None:
        spans(step, None)
        applied(step)

    return both


def each_batch_of_a_shard(
    provider: "TracerProvider | None", applied: Callable[[str, Applied], None]
) -> Callable[[str, Applied], None]:
    """The same for a worker, whose batches are of shards."""
    if provider is None:
        return applied
    from tallies.runtimes.tracing import batch_spans

    spans = batch_spans(provider)

    def both(shard: str, step: Applied) -> None:
        spans(step, shard)
        applied(shard, step)

    return both
