"""Ranking: the index that leaderboards are read from, and what it orders rows by."""

from collections.abc import Sequence
from typing import Any

from tallies.core.amounts import number_of
from tallies.core.tally import Number, Tally

RANKING_INDEX = "ranking"
BUCKET = "bucket"
"""The attribute that holds a row's bucket, where the index orders by those."""
_LANE_DIGITS = 8


def ranked_component(tally: Tally) -> str:
    """The stored number that leaderboards order by."""
    return tally.components[tally.ranked_component]


def counts_rows(tally: Tally) -> bool:
    """Whether leaderboards order by a count of rows."""
    return tally.ranked_component == 0


def ranked_amount(tally: Tally, item: Any) -> Number:
    """The amount that leaderboards order a row by."""
    return number_of(item[ranked_component(tally)]["N"])


def ranking_key(window: str, lane: str, shards: int) -> str:
    """The partition of the index that a row enters.

    >>> from tallies.stores.dynamodb.apply.progress import group_lane
    >>> ranking_key("2026-11", group_lane("noodles"), 1)
    '2026-11'
    """
    return window if shards == 1 else f"{window}#{int(lane[:_LANE_DIGITS], 16) % shards}"


def partitions(window: str, shards: int) -> Sequence[str]:
    """All partitions of a leaderboard."""
    return [window] if shards == 1 else [f"{window}#{shard}" for shard in range(shards)]
