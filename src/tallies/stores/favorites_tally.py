"""The flagship tally. Both stores keep it; it is a declaration like any other."""

from tallies.core.errors import InvalidTally
from tallies.core.tally import Count, Tally
from tallies.core.windows import Window

FAVORITES = Tally(
    name="favorites",
    group_by="restaurant_id",
    measures={"favorites": Count()},
    windows=(Window.ALL, Window.MONTH, Window.DAY),
    time="created_at",
    ranked=(Window.ALL, Window.MONTH, Window.DAY),
    in_place=False,  # a favorite is made and removed; its restaurant and time never change
)
"""Favorites of each restaurant for all time, each month and each day (UTC)."""


def check_favorites(tally: Tally) -> Tally:
    """See that a store counts the favorites of restaurants, which the application is about.

    Raises:
        InvalidTally: it keeps something else.
    """
    if tally.group_by != FAVORITES.group_by or tally.ranked_by != FAVORITES.ranked_by:
        raise InvalidTally(
            f"This store does not count favorites of restaurants; read its tally of"
            f" {', '.join(tally.measures)} with top, show and export."
        )
    return tally
