"""A stream of a thousand shards, more of them open than one transaction holds, under live traffic.

Nothing that the argument in `snapshot/views.py` rests on can be left out: each fault that is put
into the product here is found by one of a few histories.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tallies.stores.dynamodb.apply.position import Known
from tallies.stores.dynamodb.apply.transactions import MAX_ACTIONS
from tallies.stores.dynamodb.snapshot.horizon import is_read_out
from tallies.stores.dynamodb.snapshot.proofs import Proofs
from tallies.stores.dynamodb.snapshot.read.scan import Pace
from tallies.stores.dynamodb.snapshot.read.views import GuardReader, Part, Place, View, Views
from tallies.stores.verified import Verified
from tests.histories.faults import Network
from tests.histories.judge import Wrong
from tests.histories.worlds import new_row
from tests.length import at_length
from tests.operate.rebuild.simulated.dynamo_history import Played, play
from tests.operate.rebuild.simulated.large_history import OPEN, SHARDS, LargeHistory

HISTORIES = at_length(5, least=2)
ENOUGH_TO_FIND = 8
SHORTEST = 2
"""The number of the history that takes a second where others take five."""
IS_READ_OUT = "tallies.stores.dynamodb.snapshot.snapshot.is_read_out"

Patch = pytest.MonkeyPatch
MUTATIONS: dict[str, Callable[[Patch], None]] = {}


def _play(seed: int, folder: Path) -> Played:
    own = folder / str(seed)
    own.mkdir()
    return play(seed, own, LargeHistory)


@pytest.mark.slow
def test_a_table_with_a_thousand_shards_is_rebuilt_exactly(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    met: Counter[str] = Counter()
    again, join, over = Views.again, Views.join, is_read_out

    def counted_again(self: Views, unsure: Mapping[Place, Sequence[str]]) -> Iterator[Any]:
        met["read again"] += len(unsure)
        return again(self, unsure)

    def counted_join(self: Views, shards: Any) -> bool:
        joined = join(self, shards)
        met["joined"] += joined
        return joined

    def counted_over(*arguments: Any) -> bool:
        is_over = over(*arguments)
        met["over" if is_over else "moving"] += 1
        return is_over

    monkeypatch.setattr(Views, "again", counted_again)
    monkeypatch.setattr(Views, "join", counted_join)
    monkeypatch.setattr(IS_READ_OUT, counted_over)
    for seed in range(HISTORIES):
        played = _play(seed, tmp_path)
        met["rebuilds"] += played.rebuilds
        met["killed"] += played.killed
        met["planted"] += played.planted
    for what in ("read again", "joined", "over", "moving", "rebuilds", "killed", "planted"):
        assert met[what] > HISTORIES, what
    assert met["over"] > met["moving"] > 100 * met["rebuilds"]


def mutation(name: str) -> Callable[[Callable[[Patch], None]], None]:
    def keep(mutate: Callable[[Patch], None]) -> None:
        MUTATIONS[name] = mutate

    return keep


@mutation("guards are read once, and not again after the rows")
def _(patch: Patch) -> None:
    patch.setattr(Views, "_look", lambda self: self._last)


@mutation("guards are read after the rows only")
def _(patch: Patch) -> None:
    original = Views._view
    patch.setattr(Views, "_view", lambda self, before, after: original(self, after, after))


@mutation("rows that met records are not read again")
def _(patch: Patch) -> None:
    patch.setattr(View, "is_unsure", lambda *_: False)


@mutation("rows are read again after their guards, in another transaction")
def _(patch: Patch) -> None:
    original = GuardReader.read_with

    def read_with(self: GuardReader, shards: Any, table: str, keys: Any) -> Any:
        known, _ = original(self, shards, table, []) if shards else ({}, [])
        _, items = original(self, [], table, keys) if keys else ({}, [])
        return known, items

    patch.setattr(GuardReader, "read_with", read_with)


@mutation("a shard that has ended is taken for one that stands still")
def _(patch: Patch) -> None:
    patch.setattr(IS_READ_OUT, lambda stream, shard, position: shard.last is not None)


@mutation("only the first hundred guards are read again")
def _(patch: Patch) -> None:
    original = GuardReader.read

    def read(self: GuardReader, shards: Iterable[str]) -> dict[str, Known]:
        wanted = list(shards)
        rest: dict[str, Known] = self.__dict__.setdefault("rest", {})
        found = original(self, [shard for shard in wanted if shard not in rest])
        rest |= dict(list(found.items())[MAX_ACTIONS:])
        return {shard: found.get(shard) or rest[shard] for shard in wanted}

    patch.setattr(GuardReader, "read", read)


@pytest.mark.slow(but="hundred")
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_history_finds_that(name: str, tmp_path: Path, monkeypatch: Patch) -> None:
    MUTATIONS[name](monkeypatch)
    for seed in (SHORTEST, *(set(range(ENOUGH_TO_FIND)) - {SHORTEST})):
        try:
            _play(seed, tmp_path)
        except Wrong:
            return
    pytest.fail(f"{ENOUGH_TO_FIND} histories did not see that {name}")


class Calm(LargeHistory):
    """One verify, and whatever the test does in the middle of it."""

    def verified(self, meanwhile: Callable[[], None] = lambda: None) -> Verified:
        self.deadliness = 0
        network = Network(self.database, self.random, self.time, {})
        ((_, proof),) = self._proofs(network).items()
        original = Views.scan

        def scan(views: Views, pace: Pace) -> Iterator[Part]:
            meanwhile()
            return original(views, pace)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Views, "scan", scan)
            return Proofs([(proof, self.folder / "calm")]).verify()

    def a_new_shard(self) -> None:
        """It ends no other one that has records left, and all of its own are applied."""
        self._apply_all()
        self.source.roll(0)
        for key in range(0, self.keys, self.source.open_shards):
            self.source.write(key, None)
            self.source.write(key, new_row(self.random, self.world, 0))
        self._apply_all()


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[Calm]:
    history = Calm(2, tmp_path)
    with history.in_simulated_time():
        history._begin()
        yield history


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_shard_that_comes_up_while_rows_are_read(
    calm: Calm, monkeypatch: Patch, forgotten: bool
) -> None:
    if forgotten:
        monkeypatch.setattr(Views, "join", lambda *_: False)
    assert bool(calm.verified(calm.a_new_shard).drifted) == forgotten


def test_a_quiet_stream_costs_little(calm: Calm, monkeypatch: Patch) -> None:
    """Ended shards are read once; the others once for about as many rows as cost the same."""
    reads: list[int] = []
    original = calm.database.transact_get_items

    def transact_get_items(**request: Any) -> Any:
        reads.append(len(request["TransactItems"]))
        return original(**request)

    monkeypatch.setattr(calm.database, "transact_get_items", transact_get_items)
    assert calm.verified().drifted == []
    at_first, looks = 2 * SHARDS, 4  # of `begin` and of the views; before and after rows, twice
    assert sum(reads) < at_first + looks * 2 * OPEN
