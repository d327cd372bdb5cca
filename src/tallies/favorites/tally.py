"""The tally of favorites: a declaration like any other."""

from tallies.core.declaration.declaration import Declaration, spec_of
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


def is_of_favorites(tally: Tally) -> bool:
    """Whether a tally counts the favorites of restaurants, which the application is about."""
    return tally.group_by == FAVORITES.group_by and tally.ranked_by == FAVORITES.ranked_by


_FIXED = ("group_by", "measures", "time", "where", "ranked_by")


def favorites_declaration(declared: Declaration, table: str) -> Declaration:
    """A declaration of favorites, with the name of their table in this store.

    Only these may differ from the usual: the windows, the zone, which windows are ranked, and how
    long they are kept.

    Raises:
        InvalidTally: it declares something else.
    """
    tally = declared.tallies[0]
    ours, theirs = spec_of(FAVORITES), spec_of(tally)
    wrong = [key for key in _FIXED if ours.get(key) != theirs.get(key)]
    if (
        declared.table not in (None, table)
        or len(declared.tallies) > 1
        or tally.name != FAVORITES.name
    ):
        wrong.insert(0, "table and name")
    if wrong:
        raise InvalidTally(
            "The table of favorites has one tally, favorites: by restaurant_id, with the measure"
            f" favorites = 'count' and the time created_at. Its {wrong[0]} cannot be declared"
            " otherwise; another table is declared with table = 'name'."
        )
    return Declaration([tally], table)
