"""Field cases 6, 7, 8 and 9 on a simulated DynamoDB: a table under live traffic is made exact.

6: seeding under traffic, with segments that are retried, and writes in flight. 7: what the seed and
the stream both have counts once. 8: whatever drifted, for whatever reason, is found and mended. 9:
a table with history needs no items sent through its stream. Writers, invocations and rebuilds are
interleaved request by request, and die at any of them; shards split meanwhile.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.histories.faults import FAULTS
from tests.histories.worlds import WORLDS
from tests.length import at_length
from tests.operate.rebuild.simulated.dynamo_history import InRowsHistory, Played, play

HISTORIES = at_length(300, least=60)
AT_ONCE = at_length(100, least=20)
IN_ROWS = at_length(60)

_played: list[Played] = []


@pytest.mark.slow(but="^0$")
@pytest.mark.parametrize("first", range(0, HISTORIES, AT_ONCE))
def test_case_6_7_8_9_a_live_table_is_rebuilt_exactly(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + AT_ONCE):
        folder = tmp_path / str(seed)
        folder.mkdir()
        _played.append(play(seed, folder))


def test_so_is_one_whose_rows_hold_their_own_positions(tmp_path: Path) -> None:
    for seed in range(IN_ROWS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        play(seed, folder, InRowsHistory)


@pytest.mark.slow
def test_the_histories_have_met_everything() -> None:
    if len(_played) < HISTORIES:
        pytest.skip("not all histories have been played in this process")
    assert {history.world for history in _played} == {world.name for world in WORLDS}
    assert set(sum((history.faults for history in _played), Counter())) == set(FAULTS)
    for what in ("rebuilds", "killed", "taken_over", "planted", "records"):
        assert sum(getattr(history, what) for history in _played) > 20, what
