"""Field cases 6, 7 and 8 on the embedded store: a file under live traffic is made exact.

6: seeding while others write, killed and begun again. 7: what the seed and the log both have counts
once. 8: whatever drifted is found and mended. Writers, an aggregator, rebuilds and verifies are
interleaved statement by statement, and die at any of them.
"""

from pathlib import Path

import pytest

from tests.length import at_length
from tests.operate.rebuild.simulated.sqlite_history import Played, play

HISTORIES = at_length(300, least=60)
AT_ONCE = at_length(100, least=20)

_played: list[Played] = []


@pytest.mark.slow(but="^0$")
@pytest.mark.parametrize("first", range(0, HISTORIES, AT_ONCE))
def test_case_6_7_8_a_live_file_is_rebuilt_exactly(first: int, tmp_path: Path) -> None:
    _played.extend(play(seed, tmp_path) for seed in range(first, first + AT_ONCE))


@pytest.mark.slow
def test_the_histories_have_met_everything() -> None:
    if len(_played) < HISTORIES:
        pytest.skip("not all histories have been played in this process")
    for what in Played.__dataclass_fields__:
        assert sum(getattr(history, what) for history in _played) > 20, what
