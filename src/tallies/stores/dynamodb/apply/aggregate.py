"""Aggregation in this process: the stream becomes tallies, step by step."""

from collections.abc import Callable

from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.in_transactions.refit import refit
from tallies.stores.dynamodb.client.errors import HistoryTrimmed, IteratorExpired
from tallies.stores.dynamodb.stream.stream import MAX_RECORDS, Shard, Stream
from tallies.stores.protocol import Applied


class StreamAggregator:
    """Carries the stream into the tallies. Any number may run; each record counts once.

    It holds no lease: beside other readers of the stream it only repeats their work.
    """

    def __init__(
        self,
        stream: Stream,
        apply: GuardedApply,
        batch: int = MAX_RECORDS,
        on_first_read: Callable[[Shard], None] = lambda _: None,
    ) -> None:
        """`on_first_read` is called with a shard of which nothing is in the tallies yet, before it
        is read; what it raises, `step` raises.
        """
        self._on_first_read = on_first_read
        self._stream = stream
        self._apply = apply
        self.batch = min(batch, MAX_RECORDS)
        self._iterators: dict[str, str] = {}
        self._finished: set[str] = set()
        self._shards: list[Shard] = []

    @property
    def finished(self) -> set[str]:
        """The shards in the stream whose records have all been applied, and which get no more."""
        return set(self._finished)

    def step(self) -> Applied:
        """Apply the next batch of the stream; no records when there are none now."""
        applied = self._pass()
        if applied is None:
            self._shards = self._stream.shards()
            self._finished &= {shard.id for shard in self._shards}
            applied = self._pass()
        return applied or Applied(0)

    def _pass(self) -> Applied | None:
        """Apply the first batch that any shard has."""
        for shard in self._shards:
            # A child's records come after its parent's; in this order the parent has had its turn.
            if shard.id in self._finished or self._waits(shard):
                continue
            try:
                applied = self._batch_of(shard)
            except (IteratorExpired, HistoryTrimmed):
                # An iterator that has waited may point at records that are gone although none after
                # the position are; a new iterator shows which it is.
                self._iterators.pop(shard.id, None)
                applied = self._batch_of(shard)
            if applied is not None:
                return applied
        return None

    def _waits(self, shard: Shard) -> bool:
        listed = {each.id for each in self._shards}
        return shard.parent in listed - self._finished

    def _batch_of(self, shard: Shard) -> Applied | None:
        iterator = self._iterators.get(shard.id)
        if iterator is None:
            refit(self._stream, self._apply, shard)
            position = self._apply.position_of(shard.id)
            if shard.last is not None and position >= shard.last:
                self._finished.add(shard.id)
                return None
            if not position:
                self._on_first_read(shard)
            iterator = self._stream.iterator(shard.id, position)
        records, following = self._stream.read(iterator, self.batch)
        self._iterators.pop(shard.id, None)
        result = self._apply.apply_shard(shard.id, records) if records else None
        if result is None or result.unapplied_from is None:
            if following is None:
                self._apply.note(shard.id)
                self._finished.add(shard.id)
            else:
                self._iterators[shard.id] = following
        if result is None:
            self._apply.note(shard.id)  # before a pause
            return None
        return Applied(
            records=result.records,
            duplicates=result.duplicates,
            parked=result.parked,
            fold_seconds=result.fold_seconds,
            commit_seconds=result.commit_seconds,
            more=result.unapplied_from is not None,
        )
