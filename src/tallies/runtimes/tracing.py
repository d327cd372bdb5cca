"""Traces by OpenTelemetry: of requests, and of each batch, its fold and its commit.

A program that wants no traces does not import this. What a batch took is known once it is applied,
so its spans are made afterwards, and nothing has to be carried through the fold for them.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import time_ns
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, set_span_in_context

import tallies
from tallies.core.errors import InvalidInput, shown
from tallies.stores.protocol import Applied

NANOSECONDS = 1_000_000_000
HIDDEN = "REDACTED"
"""OpenTelemetry's own word for what was taken out of a URL."""
_WITH_IDS = ("url.path", "url.query")
_UNNAMED = "unknown_service"
"""What the SDK calls a service that has no name."""


class HideIds(SpanProcessor):
    """Takes paths and queries out of spans, which must not show whose favorites they are. The route
    stays."""

    def on_start(
        self,
        span: Span,
        parent_context: Context | None = None,  # noqa: ARG002 - its name there
    ) -> None:
        """Hide the ids that a span begins with."""
        for name in _WITH_IDS:
            if name in (span.attributes or {}):
                span.set_attribute(name, HIDDEN)


@contextmanager
def tracing(service: str) -> Iterator[TracerProvider]:
    """A provider of spans, for a `with` statement; at its end all of them are sent.

    Where they go, how many of them, and the name of the service if it is not `service`, come from
    OpenTelemetry's own environment variables: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER,
    OTEL_SERVICE_NAME and so on.

    Raises:
        InvalidInput: the endpoint is not valid.
    """
    _check_endpoint(os.environ)
    resource = Resource.create()  # reads the environment
    if str(resource.attributes[SERVICE_NAME]).startswith(_UNNAMED):
        resource = resource.merge(Resource({SERVICE_NAME: service}))
    provider = provider_to(BatchSpanProcessor(OTLPSpanExporter()), resource)
    try:
        yield provider
    finally:
        provider.shutdown()


def _check_endpoint(environment: Mapping[str, str]) -> None:
    for name in (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT):
        if not (text := environment.get(name)):
            continue
        try:
            url = urlsplit(text)
            is_one = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        except ValueError:
            is_one = False
        if not is_one:
            raise InvalidInput(
                f"{name} is {shown(text)}; give a URL like http://127.0.0.1:4318, of a collector"
                " that takes OTLP over HTTP."
            )


def provider_to(destination: SpanProcessor, resource: Resource | None = None) -> TracerProvider:
    """A provider that hands its spans on to `destination`, without ids."""
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(HideIds())
    provider.add_span_processor(destination)
    return provider


def batch_spans(provider: TracerProvider) -> Callable[[Applied, str | None], None]:
    """A callback that makes the spans of a batch, its fold and its commit; to be called as soon as
    the batch is applied, with its shard if the store has shards."""
    tracer = provider.get_tracer("tallies", tallies.__version__)

    def applied(step: Applied, shard: str | None) -> None:
        end = time_ns()
        folded = end - round(step.commit_seconds * NANOSECONDS)
        begin = folded - round(step.fold_seconds * NANOSECONDS)
        batch = tracer.start_span(
            "apply batch",
            context=Context(),  # a trace of its own, whatever this thread is in the middle of
            kind=SpanKind.CONSUMER,
            start_time=begin,
            attributes={
                "tallies.records": step.records,
                "tallies.duplicates": step.duplicates,
                "tallies.parked": step.parked,
                **({} if shard is None else {"tallies.shard": shard}),
            },
        )
        within = set_span_in_context(batch, Context())
        tracer.start_span("fold", context=within, start_time=begin).end(folded)
        tracer.start_span("commit", context=within, start_time=folded).end(end)
        batch.end(end)

    return applied
