"""Spans of batches, on both stores: what was applied, how long its fold and its commit took."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tallies.cli.tracing import each_batch, each_batch_of_a_shard
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.runtimes.tracing import NANOSECONDS, provider_to
from tallies.runtimes.worker import Worker
from tallies.stores.protocol import Applied
from tests.engines import DynamoDBAccount
from tests.runtimes.worker.conftest import BEAT_SECONDS, DEAD_SECONDS, running, until_counted


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans: InMemorySpanExporter) -> Iterator[TracerProvider]:
    provider = provider_to(SimpleSpanProcessor(spans))
    yield provider
    provider.shutdown()


def seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    lasted: float = (span.end_time - span.start_time) / NANOSECONDS
    return lasted


def check(spans: Sequence[ReadableSpan], steps: Sequence[Applied]) -> list[ReadableSpan]:
    """See that each step has its three spans; those of the batches."""
    batches = [span for span in spans if span.name == "apply batch"]
    assert len(spans) == 3 * len(batches)
    assert [(span.attributes or {})["tallies.records"] for span in batches] == [
        step.records for step in steps
    ]
    for batch, step in zip(batches, steps, strict=True):
        assert batch.parent is None
        assert batch.context is not None
        fold, commit = (
            next(
                span
                for span in spans
                if span.name == name
                and span.parent is not None
                and batch.context is not None
                and span.parent.span_id == batch.context.span_id
            )
            for name in ("fold", "commit")
        )
        assert seconds(fold) == pytest.approx(step.fold_seconds, abs=1e-8)
        assert seconds(commit) == pytest.approx(step.commit_seconds, abs=1e-8)
        assert (batch.start_time, fold.end_time) == (fold.start_time, commit.start_time)
        assert commit.end_time == batch.end_time
    return batches


def test_embedded(tmp_path: Path, provider: TracerProvider, spans: InMemorySpanExporter) -> None:
    steps: list[Applied] = []
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        with EmbeddedLoop(store, each_batch(provider, steps.append)):
            for number in range(50):
                store.mark(f"user-{number}", "noodles")
    assert sum(step.records for step in steps) == 50
    check(spans.get_finished_spans(), steps)
    assert "user-" not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_a_worker_names_the_shard(
    aws_environment: DynamoDBAccount, provider: TracerProvider, spans: InMemorySpanExporter
) -> None:
    steps: list[Applied] = []
    shards: list[str] = []

    def applied(shard: str, step: Applied) -> None:
        steps.append(step)
        shards.append(shard)

    with DynamoFavorites.from_url(aws_environment.store_url("app")) as store:
        store.init()
        worker = Worker(
            store,
            each_batch_of_a_shard(provider, applied),
            beat_seconds=BEAT_SECONDS,
            dead_seconds=DEAD_SECONDS,
        )
        with running(worker):
            for number in range(50):
                store.mark(f"user-{number}", "noodles")
            until_counted(store, {"noodles": 50})
    batches = check(spans.get_finished_spans(), steps)
    assert [(batch.attributes or {})["tallies.shard"] for batch in batches] == shards


def test_a_loop_without_traces_has_its_own_callback_and_nothing_around_it() -> None:
    def applied(_: Applied) -> None:
        """Nothing."""

    def applied_of_shard(_: str, __: Applied) -> None:
        """Nothing."""

    assert each_batch(None, applied) is applied
    assert each_batch_of_a_shard(None, applied_of_shard) is applied_of_shard
