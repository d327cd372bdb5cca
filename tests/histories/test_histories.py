"""Field cases 1 to 5, 10, 11, 13 and 16, all at once and in any order: ten thousand histories in
continuous integration, a fortieth of them before.

Each is a table that changes, and a stream of it that is delivered more than once, cut anew, by
several at a time that die, wait, and do not know what has come through. At its end every tally is
GROUP BY of the table, what could not be folded is parked, and every shard is at its end. Which
faults a history meets is up to its number; the streams and their splits are simulated.
"""

from collections import Counter

import pytest

from tests.histories.faults import FAULTS
from tests.histories.history import MODES, Played, play
from tests.histories.worlds import WORLDS
from tests.length import at_length

HISTORIES = at_length(10_000)
AT_ONCE = at_length(1_000)

_played: dict[int, list[Played]] = {}


@pytest.mark.parametrize("first", range(0, HISTORIES, AT_ONCE))
def test_whatever_happens_each_record_counts_once(first: int) -> None:
    _played[first] = [play(seed) for seed in range(first, first + AT_ONCE)]


def test_the_histories_have_met_everything() -> None:
    """So that the test above cannot become empty unseen."""
    histories = [history for some in _played.values() for history in some]
    if not histories:
        pytest.skip("no histories have been played")

    faults: Counter[str] = sum((history.faults for history in histories), Counter())
    assert set(faults) == set(FAULTS)
    assert {(h.mode, h.world) for h in histories} == {
        (mode, world.name) for mode in MODES for world in WORLDS
    }
    assert any(history.splits for history in histories)
    assert any(history.parked for history in histories)
    assert any(history.invocations > 20 for history in histories)
