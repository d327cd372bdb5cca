"""Proof: every tally beside GROUP BY over the source, in one snapshot."""

from tallies.core.groups import MAX_GROUP_BYTES
from tallies.core.windows import Window
from tallies.stores.favorites_tally import FAVORITES
from tallies.stores.protocol import Drift, Verified
from tallies.stores.sqlite.database import Database

# Plain SQL, on purpose: none of the code that made the tallies takes part in checking them.
_WINDOW = {
    Window.ALL: "'all'",
    Window.YEAR: "substr(created_at, 1, 4)",
    Window.MONTH: "substr(created_at, 1, 7)",
    Window.DAY: "substr(created_at, 1, 10)",
    Window.HOUR: "substr(created_at, 1, 13)",
}
# What no tally can take in is parked, and no part of what is expected.
_COUNTS = (
    "date(created_at, '+0 days') = substr(created_at, 1, 10)"  # there is no 30 February
    f" AND length(CAST(restaurant_id AS BLOB)) BETWEEN 1 AND {MAX_GROUP_BYTES}"
    " AND restaurant_id NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'"
)
_PARTS = [
    part
    for kind in FAVORITES.windows
    for part in (
        f"SELECT restaurant_id AS g, {_WINDOW[kind]} AS w, count(*) AS expected, 0 AS actual"
        f" FROM favorites WHERE {_COUNTS} GROUP BY 1, 2",
        # Records that are written but not yet aggregated are in flight, and no drift.
        f"SELECT restaurant_id, {_WINDOW[kind]}, 0, sum(amount) FROM changes"
        f" WHERE position > (SELECT position FROM positions) AND {_COUNTS} GROUP BY 1, 2",
    )
] + ['SELECT "group", time_window, 0, favorites FROM tallies']
_COMPARE = (
    "SELECT g, w, sum(expected), sum(actual) FROM ("
    + " UNION ALL ".join(_PARTS)
    + ") GROUP BY g, w"
)


def verify(database: Database) -> Verified:
    """Compare every row with the source in one read transaction; writers are not held up."""
    checked = 0
    drifted = []
    with database.reading() as connection:
        for group, window, expected, actual in connection.execute(_COMPARE):
            checked += 1
            if expected != actual:
                drifted.append(Drift(group, window, expected, actual))
    return Verified(checked, drifted)
