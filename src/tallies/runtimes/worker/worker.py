"""The worker: runs a consumer for each shard that it holds, and shares the shards with others."""

import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from time import monotonic

from tallies.core.errors import StoreError
from tallies.runtimes.worker.consumer import Reports, ShardConsumer
from tallies.runtimes.worker.lineage import came_from_nowhere, ready
from tallies.runtimes.worker.liveness import DEAD_SECONDS, Watch
from tallies.runtimes.worker.sharing import moves
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.dynamodb.stream.leases import Lease, Roll
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Shard
from tallies.stores.protocol import Applied

BEAT_SECONDS = 3.0
"""How often a worker counts and reads the others' counts: some 900,000 writes and reads a month
each, in return for which the shards of a dead worker wait only for seconds."""
DISCOVER_SECONDS = 10.0
"""How often the shards are listed, apart from when one of them has ended."""
LOST_SECONDS = 60.0
"""How often lost history is reported again."""

OnApplied = Callable[[str, Applied], None]
"""Called from the consumers' threads with a shard and what became of a batch of it."""

log = logging.getLogger(__name__)


def new_name() -> str:
    """A name that no other worker has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Worker:
    """Carries the change stream of a DynamoDB store into its tallies until told to stop."""

    def __init__(
        self,
        store: DynamoStore,
        on_applied: OnApplied | None = None,
        *,
        on_delay: Callable[[float], None] | None = None,
        name: str | None = None,
        beat_seconds: float = BEAT_SECONDS,
        dead_seconds: float = DEAD_SECONDS,
    ) -> None:
        """`on_delay` is called with the seconds from a row's write until it counts, for the oldest
        record of each batch; times in streams are rounded to the second. `dead_seconds` is the
        time after which a worker that no longer counts is taken for dead; several times
        `beat_seconds`.
        """
        self.name = name or new_name()
        self._store = store
        self._leases = store.leases
        self._on_applied = on_applied or (lambda _shard, _applied: None)
        self._on_delay = on_delay or (lambda _seconds: None)
        self._beat_seconds = beat_seconds
        self.dead_seconds = dead_seconds
        self._watch = Watch(dead_seconds=dead_seconds)
        # A queue, since a signal handler may put into it at any moment; an Event's lock may be
        # held by the very thread that the handler interrupts.
        self._inbox: SimpleQueue[None] = SimpleQueue()
        self._stopping = False
        self._is_listed = False
        self._shards: list[Shard] = []
        self._discover_at = 0.0
        self._say_lost_at = 0.0
        self._consumers: dict[str, ShardConsumer] = {}
        self._finished: set[str] = set()
        self.troubled = 0
        """Shards, of all workers, whose records cannot be applied."""
        self._turned_at = monotonic()

    @property
    def silent_seconds(self) -> float:
        """Seconds since it last kept its leases; after many, other workers have its shards."""
        return monotonic() - self._turned_at

    def why_it_waits(self, seconds: float) -> list[str]:
        """Why shards that it reads have made no progress for so long; nothing for idle ones."""
        waits = (each.why_it_waits(seconds) for each in list(self._consumers.values()))
        return [why for why in waits if why is not None]

    @property
    def shards(self) -> list[str]:
        """The shards that it reads now."""
        return sorted(self._consumers)

    def stop(self) -> None:
        """Ask it to finish its batches, to give its shards back, and to return. May be called from
        any thread and from signal handlers."""
        self._stopping = True
        self._inbox.put(None)

    def run(self) -> bool:
        """Work until `stop`; whether all records could be applied.

        That is False when history was lost and the tallies have to be rebuilt.

        Raises:
            StoreError: the tables or the stream cannot be used at the start; or, at the end, so
                that it is not known whether all was applied.
        """
        self._store.guarded_apply()  # tables of another kind are refused before anything is read
        try:
            self._turn()
            while not self._is_time_to_stop():
                try:
                    self._turn()
                except StoreError as error:
                    # A worker that is cut off loses its leases, and goes on when it can take some
                    # again.
                    log.warning("the leases cannot be seen to: %s", error)
        finally:
            self._drain()
        return not self._leases.roll().troubles()

    def _is_time_to_stop(self) -> bool:
        """Wait for the next turn."""
        if not self._stopping:
            with suppress(Empty):
                self._inbox.get(timeout=self._beat_seconds)
        return self._stopping

    def _turn(self) -> None:
        """Read the rows, list the shards, and start and stop consumers, once."""
        self._leases.beat(self.name)
        self._is_listed = True
        roll = self._leases.roll()
        self._finished = roll.finished
        self.troubled = len(roll.troubled)
        self._discover()
        alive = self._watch.alive(roll.beats)
        can_read = [shard.id for shard in ready(self._shards, self._finished)]
        plan = moves(self.name, alive, can_read, roll.leases)
        for shard in set(self._consumers).difference(plan.keep):
            self._consumers[shard].stop()
        for shard in plan.take:
            if self._leases.take(shard, self.name, roll.leases.get(shard, Lease())):
                self._start(shard)
        for shard in plan.keep:
            # It was given back or taken away and is ours again, or we were restarted under our
            # name.
            if shard not in self._consumers:
                self._start(shard)
        self._sweep(plan.give_back)
        self._tell_lost(roll)
        self._turned_at = monotonic()

    def _discover(self) -> None:
        if monotonic() >= self._discover_at or not self._are_unfinished(self._shards):
            if self._shards and not self._are_unfinished(self._shards):
                # Children will be listed in a moment; or the stream was turned off.
                self._store.find_stream()
            self._shards = self._store.stream.shards()
            self._discover_at = monotonic() + DISCOVER_SECONDS
        for shard in self._shards:
            if consumer := self._consumers.get(shard.id):
                consumer.shard = shard
                consumer.rootless = self._is_rootless(shard)

    def _are_unfinished(self, shards: Sequence[Shard]) -> bool:
        return any(shard.id not in self._finished for shard in shards)

    def _is_rootless(self, shard: Shard) -> bool:
        return came_from_nowhere(shard, self._shards, self._finished)

    def _start(self, shard_id: str) -> None:
        shard = next(each for each in self._shards if each.id == shard_id)
        reports = Reports(self._applied, self._shard_finished, self._leases.trouble)
        apply = self._store.guarded_apply()
        consumer = ShardConsumer(self._store.stream, apply, shard, reports)
        consumer.rootless = self._is_rootless(shard)
        self._consumers[shard_id] = consumer
        log.info("reading shard %s", shard_id)
        consumer.start()

    def _sweep(self, give_back: Sequence[str]) -> None:
        """Forget consumers that have ended, and give shards beyond the quota back."""
        for shard, consumer in list(self._consumers.items()):
            if consumer.is_over:
                del self._consumers[shard]
        for shard in give_back:
            # Not before the last batch is applied: it would only be read twice.
            if shard not in self._consumers and self._leases.give_back(shard, self.name):
                log.info("gave shard %s to another worker", shard)

    def _drain(self) -> None:
        """Finish the batches that are being written, and leave."""
        for consumer in self._consumers.values():
            consumer.stop()
        if not self._is_listed:
            return
        try:
            for shard, consumer in self._consumers.items():
                consumer.join()
                self._leases.give_back(shard, self.name)
            self._leases.leave(self.name)
        except StoreError as error:
            log.warning("the shards could not be given back: %s", error)
        self._consumers.clear()

    def _tell_lost(self, roll: Roll) -> None:
        """Report shards that left the stream before they were read to their end."""
        if monotonic() < self._say_lost_at:
            return
        self._say_lost_at = monotonic() + LOST_SECONDS
        arn = self._store.stream.arn
        self._leases.remember_stream(arn)
        listed = {arn, *(shard.id for shard in self._shards)}
        for name, lease in roll.leases.items():
            if name not in listed and not lease.finished:
                sentence = (
                    f"{name} is no longer in the change stream of {self._store.source}, and"
                    " was not read to its end (the stream keeps 24 hours, or was made anew);"
                    " `tallies rebuild` makes the tallies right again."
                )
                log.error("%s", sentence)
                self._leases.trouble(name, sentence)

    def _shard_finished(self, shard: str) -> None:
        self._leases.finish(shard)
        log.info("shard %s is finished", shard)
        # Its children may be read now, and may not be listed yet.
        self._discover_at = 0.0
        self._inbox.put(None)

    def _applied(self, shard: str, result: ApplyResult, records: Sequence[StreamRecord]) -> None:
        self._on_applied(
            shard,
            Applied(
                records=result.records,
                duplicates=result.duplicates,
                parked=result.parked,
                fold_seconds=result.fold_seconds,
                commit_seconds=result.commit_seconds,
            ),
        )
        written_at = records[0].created_at
        if isinstance(written_at, datetime) and result.unapplied_from is None:
            self._on_delay(max(0.0, (datetime.now(UTC) - written_at).total_seconds()))
