"""What a comparison of the tallies with their source found: how much it checked, and the drifts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tallies.core.errors import counted
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
    uncounted_by: Mapping[str, int] = field(default_factory=dict)
    """How many rows of the source belong to the tally and cannot be counted, by the part of the
    declaration that asks for what is missing or invalid: `group_by`, `time`, `measures`, `where`.
    Of a sample, those of its groups. A row is counted once for each of several tallies."""
    built: bool = False
    """Whether a rebuild built the tallies anew: `drifted` is all that they hold."""

    @property
    def uncounted(self) -> int:
        """How many rows cannot be counted."""
        return sum(self.uncounted_by.values())


def uncounted(found: Verified) -> Iterator[str]:
    """How many rows cannot be counted, in a sentence for each tally that has any."""
    for one in found.parts or [found]:
        if one.uncounted and one.tally is not None:
            parts = ", ".join(f"{part} in {n:,}" for part, n in sorted(one.uncounted_by.items()))
            yield (
                f"{counted(one.uncounted, 'row')} of the source cannot be counted in"
                f" {one.tally.name}, for what is missing or invalid: {parts}."
            )
