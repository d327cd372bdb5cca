"""What a comparison of the tallies with their source found: how much it checked, and the drifts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tallies.core.tally import Number, Tally


class Drift(NamedTuple):
    """A tally that differs from GROUP BY over the source."""

    group: str
    window: str
    expected: Number
    actual: Number
    measure: str
    """The stored number that differs: a measure, the sum or count behind one, or `bucket`, where
    the numbers are right but the row is at a wrong place of its leaderboard."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What `verify` found."""

    checked: int
    """Rows compared: those of the tallies and those that should be there."""
    drifted: Sequence[Drift]
    groups: int
    """Groups that have any of these rows."""
    drifted_groups: int
    tally: Tally | None = None
    """The tally that was compared; None where it was not a single one."""
    parts: "Sequence[Verified]" = ()
    """What was found in each, where several tallies were compared."""


def together(found: Iterable[Verified]) -> Verified:
    """What was found in several tallies."""
    each = list(found)
    if len(each) == 1:
        return each[0]
    return Verified(
        sum(one.checked for one in each),
        [row for one in each for row in one.drifted],
        sum(one.groups for one in each),
        sum(one.drifted_groups for one in each),
        parts=each,
    )
