"""Looking up the rows of many groups in many windows, in the way that reads less.

A row that is asked for by its key costs a whole read unit, however small it is. The rows of a group
lie side by side, in the order of their windows' names, and a query for a stretch of them costs a
unit for each 4 KB: the thirty days of a span are one or two units in place of thirty.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from tallies.core.tally import Tally
from tallies.core.windows import Window, parse_window
from tallies.stores.dynamodb.client.paging import at_once, batch_get, rows
from tallies.stores.dynamodb.rows.keys import row_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEAST_WINDOWS = 10
"""For fewer windows, one request for a hundred keys is faster than a query for each group."""
ROWS_OF_A_UNIT = 16
"""Of some 250 bytes each, which is more than most have."""
_DAYS = {Window.YEAR: 365, Window.MONTH: 30, Window.WEEK: 7, Window.DAY: 1, Window.HOUR: 1 / 24}


class Stretch(NamedTuple):
    """Windows that lie side by side in a group, from the first name to the last."""

    first: str
    last: str


def stretch_of(tally: Tally, windows: Sequence[str]) -> Stretch | None:
    """The stretch that holds all of these windows but `all`; None where it holds so many others
    that keys read less."""
    dated = sorted(window for window in windows if window != Window.ALL)
    if len(dated) < LEAST_WINDOWS:
        return None
    starts = [start for window in dated if (start := parse_window(window).start)]
    days = (max(starts) - min(starts)).days + 1
    held = sum(days / _DAYS[kind] + 1 for kind in tally.windows if kind in _DAYS)
    units = ceil(held / ROWS_OF_A_UNIT)
    return Stretch(dated[0], dated[-1]) if 2 * units <= len(dated) else None


def look_up(
    client: "DynamoDBClient",
    table: str,
    tally: Tally,
    groups: Iterable[str],
    windows: Sequence[str],
) -> Iterator[Any]:
    """Those rows of the groups in the windows that exist, in no order; all different."""
    stretch = stretch_of(tally, windows)
    by_key = windows if stretch is None else [name for name in windows if name == Window.ALL]
    wanted = list(groups)
    yield from batch_get(
        client, table, [row_key(group, window) for group in wanted for window in by_key]
    )
    if stretch is None:
        return
    asked = set(windows)
    for found in at_once(partial(rows_within, client, table, stretch), wanted):
        yield from (item for item in found if item["time_window"]["S"] in asked)


def rows_within(
    client: "DynamoDBClient", table: str, stretch: Stretch | None, group: str
) -> list[Any]:
    """All rows of a group in a stretch of windows, or in all, in the order of their names."""
    within, values = "#group = :group", {":group": {"S": group}}
    if stretch is not None:
        within += " AND time_window BETWEEN :first AND :last"
        values |= {":first": {"S": stretch.first}, ":last": {"S": stretch.last}}
    return list(
        rows(
            client.query,
            TableName=table,
            KeyConditionExpression=within,
            ExpressionAttributeNames={"#group": "group"},
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
    )
