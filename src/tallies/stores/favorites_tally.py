"""The flagship tally. Both stores keep it; it is a declaration like any other."""

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
