"""Metrics: what Prometheus can read of a worker."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tallies.runtimes.exposition import SILENT_SECONDS, Health, expose
from tallies.runtimes.worker.worker import Worker
from tallies.stores.protocol import Applied

_BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_DELAY_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 3_600.0, 43_200.0, 86_400.0)
"""Streams round times to the second; after a day they drop what was not read."""


class Metrics:
    """The metrics of one worker. `applied` and `delay` are its callbacks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = self._counter("tallies_records_applied", "Change records in the tallies")
        self.duplicates = self._counter(
            "tallies_duplicates_dropped",
            "Change records that came again and were not counted again",
        )
        self.parked = self._counter(
            "tallies_records_parked", "Change records that could not be folded"
        )
        self.fold = self._histogram("tallies_fold_seconds", "Folding a batch", _BATCH_SECONDS)
        self.commit = self._histogram("tallies_commit_seconds", "Writing a batch", _BATCH_SECONDS)
        self.delay = self._histogram(
            "tallies_delay_seconds",
            "From a row's write until it counts, for the oldest record of a batch",
            _DELAY_SECONDS,
        )

    def watch(self, worker: Worker) -> None:
        """Add gauges that show what a worker is doing when they are read."""
        shards = Gauge("tallies_shards_held", "Shards that it reads", registry=self.registry)
        shards.set_function(lambda: len(worker.shards))
        troubled = Gauge(
            "tallies_shards_in_trouble",
            "Shards, of all workers, whose records cannot be applied: rebuild the tallies",
            registry=self.registry,
        )
        troubled.set_function(lambda: worker.troubled)

    def applied(self, _shard: str, step: Applied) -> None:
        """Take in what became of a batch."""
        self.records.inc(step.records)
        self.duplicates.inc(step.duplicates)
        self.parked.inc(step.parked)
        self.fold.observe(step.fold_seconds)
        self.commit.observe(step.commit_seconds)

    def serve(self, host: str, port: int, worker: Worker) -> str:
        """Answer Prometheus and /health from a thread of its own; returns the URL of the metrics.

        Raises:
            OSError: the port is taken, or the address is not one of this machine.
        """
        return expose(self.registry, lambda: health_of(worker), host, port)

    def _counter(self, name: str, what: str) -> Counter:
        return Counter(name, what, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, what, buckets=buckets, registry=self.registry)


def health_of(worker: Worker) -> Health:
    """Whether the worker does its work. Lost history is reported, but is no reason to end it:
    another in its place would have lost as much."""
    return Health(
        silent_seconds=worker.silent_seconds,
        figures={"shards_held": len(worker.shards), "shards_in_trouble": worker.troubled},
        troubles=(
            *(
                ("Records were lost before they were applied: run `tallies rebuild`.",)
                if worker.troubled
                else ()
            ),
            *worker.why_it_waits(SILENT_SECONDS),
        ),
        patience_seconds=max(SILENT_SECONDS, 2 * worker.dead_seconds),
    )
