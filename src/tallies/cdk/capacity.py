"""Provisioned capacity of the tallies, as given to a stack."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tallies.core.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Units a second of the tallies' table and of its index, which holds the leaderboards.

    Omitted fields have the template's defaults: together all that is free, and no auto scaling.
    """

    write_units: int | None = None
    """Of the table; with auto scaling, the minimum."""
    ranking_write_units: int | None = None
    """Of the index, as above."""
    read_units: int | None = None
    ranking_read_units: int | None = None
    max_write_units: int | None = None
    """Auto scaling takes the write units of either up to this; without it they are fixed."""
    max_read_units: int | None = None
    target_utilization: int | None = None
    """Percent of the capacity that auto scaling aims at."""

    def parameters(self) -> dict[str, Any]:
        """The parameters of the template; None for those that are its defaults."""
        given = {name.title().replace("_", ""): value for name, value in asdict(self).items()}
        return {"BillingMode": "PROVISIONED", **given}


def check(values: Mapping[str, Any], is_known: Callable[[Any], bool]) -> None:
    """Check that auto scaling has room, for parameters of the template that are each allowed.

    Raises:
        InvalidInput: the most is less than the least.
    """
    for kind in ("Write", "Read"):
        most = values[f"Max{kind}Units"]
        for name in (f"{kind}Units", f"Ranking{kind}Units"):
            least = values[name]
            if is_known(most) and is_known(least) and 0 < most < least:
                raise InvalidInput(
                    f"max_{kind.lower()}_units cannot be {most}, less than {least}, with which"
                    " auto scaling begins."
                )
