"""Metrics for Prometheus: what the aggregation does, how long requests take."""

from collections.abc import Callable, Iterator
from http import HTTPMethod
from time import perf_counter
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from tallies.runtimes.exposition import Health, expose
from tallies.stores.protocol import Applied, Store

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = frozenset(HTTPMethod)
_SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


def route_of(scope: "Scope") -> str:
    """The route of a request, for logs and metrics: its path tells whose favorites it is about."""
    return str(getattr(scope.get("route"), "path", "none"))


class Instruments:
    """The metrics of one process. `applied` is the callback of an aggregation loop."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.questions = Counter(
            "tallies_questions",
            "Questions about a tally by its name",
            ["tally", "question"],
            registry=self.registry,
        )
        self.records = Counter(
            "tallies_records_applied", "Change records in the tallies", registry=self.registry
        )
        self.duplicates = Counter(
            "tallies_duplicates_dropped",
            "Change records that came again and were not counted again",
            registry=self.registry,
        )
        self.parked = Counter(
            "tallies_records_parked",
            "Change records that could not be folded",
            registry=self.registry,
        )
        self.fold = Histogram(
            "tallies_fold_seconds",
            "Reading and folding a batch",
            buckets=_SHORT,
            registry=self.registry,
        )
        self.commit = Histogram(
            "tallies_commit_seconds",
            "Committing a batch",
            buckets=_SHORT,
            registry=self.registry,
        )
        self._requests = Histogram(
            "tallies_request_seconds",
            "Requests by route",
            ["method", "route", "status"],
            buckets=_SHORT,
            registry=self.registry,
        )

    def applied(self, step: Applied) -> None:
        """Record one step of aggregation."""
        self.records.inc(step.records)
        self.duplicates.inc(step.duplicates)
        self.parked.inc(step.parked)
        self.fold.observe(step.fold_seconds)
        self.commit.observe(step.commit_seconds)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record one answered request."""
        self._requests.labels(method, route, status).observe(seconds)

    def watch(self, store: Store) -> None:
        """Report a store, too: its lag and its own figures, as they are when somebody asks."""
        self.registry.register(_OfStore(store))

    def serve(self, host: str, port: int, health: Callable[[], Health]) -> str:
        """Answer Prometheus and /health from a thread of its own, for a process without a service;
        the URL of the metrics.

        Raises:
            OSError: the port is taken, or the address is not one of this machine's.
        """
        return expose(self.registry, health, host, port)

    def exposition(self) -> bytes:
        """All of it in the text format of Prometheus."""
        return generate_latest(self.registry)


class _OfStore(Collector):
    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        records, seconds = map(_or_unknown, self._store.lag())
        yield GaugeMetricFamily(
            "tallies_lag_records", "Change records not in the tallies yet", records
        )
        yield GaugeMetricFamily("tallies_lag_seconds", "Age of the oldest of them", seconds)
        for name, value in self._store.condition().figures.items():
            words = name.replace("_", " ").capitalize()
            yield GaugeMetricFamily(f"tallies_{name}", words, value)


def _or_unknown(lag: float | None) -> float:
    # NaN says that the store does not know its lag, which is different from no lag.
    return float("nan") if lag is None else lag


class MeasureRequests:
    """Times requests by their route's template, so that ids do not multiply the series."""

    def __init__(self, app: "ASGIApp", instruments: Instruments) -> None:
        self._app = app
        self._instruments = instruments

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 500

        async def note_status(message: "Message") -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            # Whoever may send requests may make up methods, and each would be kept for ever.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            seconds = perf_counter() - started
            self._instruments.request(method, route_of(scope), status, seconds)
