"""How an event source delivers one shard: in order, at least once, in whatever pieces."""

from collections.abc import Callable, Sequence
from random import Random

from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.stream.records import StreamRecord
from tests.histories.schedule import Actor
from tests.histories.source import SimulatedShard

Apply = Callable[[str, Sequence[StreamRecord]], Callable[[], ApplyResult]]
"""(shard, records) -> the work of an invocation."""

BATCHES = (1, 2, 3, 5, 8, 100)


class Delivery:
    """Field cases 1 and 13: what is reported unapplied comes again, with all that is after it."""

    def __init__(self, shard: SimulatedShard, apply: Apply, random: Random) -> None:
        self.shard = shard
        self.cursor = 0
        """All records before it have been reported to be in."""
        self._apply = apply
        self._random = random
        self._invocation: Actor | None = None
        self._start = self._end = 0
        self._tries = 0
        """Invocations since the last one that brought it on."""

    @property
    def is_over(self) -> bool:
        return self.cursor == len(self.shard.records) and self._invocation is None

    def step(self) -> Actor | None:
        """Take in what an invocation has said; maybe a new invocation."""
        self.settle()
        if self.is_over:
            return None
        # Time-outs grow, as those of an operator whose batches never come through would.
        if self._invocation is not None and self._random.random() > 0.1 / (1 + self._tries / 10):
            return None
        self._tries += 1
        # The first, the next, or one that is started beside another whose time-out has passed, and
        # that works on. A batch is cut anew every time, and may begin among what is in already.
        back = self._random.choice([0, 0, 0, 1, 2, 10])
        self._start = max(0, self.cursor - back)
        self._end = min(len(self.shard.records), self.cursor + self._random.choice(BATCHES))
        self._invocation = self._invoke(self._start, self._end)
        return self._invocation

    def settle(self) -> None:
        """Take in what the last invocation has said, if it is over."""
        if self._invocation is not None and self._invocation.is_over:
            self._take_in(self._invocation)

    def stray(self) -> Actor | None:
        """Records that were delivered before, once more, out of turn and with some that follow."""
        if not self.shard.records:
            return None
        start = self._random.randint(0, self.cursor)
        return self._invoke(start, start + self._random.choice(BATCHES))

    def _invoke(self, start: int, end: int) -> Actor | None:
        records = self.shard.records[start:end]
        return Actor(self._apply(self.shard.id, records)) if records else None

    def _take_in(self, invocation: Actor) -> None:
        self._invocation = None
        before = self.cursor
        try:
            self._hear(invocation)
        finally:
            if self.cursor > before:
                self._tries = 0

    def _hear(self, invocation: Actor) -> None:
        if invocation.error is not None:
            raise invocation.error
        result: ApplyResult | None = invocation.result
        if result is None:
            return  # it died
        if result.unapplied_from is None:
            self.cursor = max(self.cursor, self._end)
            return
        numbers = [record.sequence_number for record in self.shard.records]
        unapplied = numbers.index(result.unapplied_from)
        assert self._start <= unapplied < self._end, "what was not delivered cannot be unapplied"
        self.cursor = max(self.cursor, unapplied)
