"""Units of a batch and of a day's questions, by the rules of DynamoDB and of the apply.

A row in a transaction costs two units, its move in a leaderboard two more. It is not documented
whether a transaction doubles those of the index, too: a plan can be made either way.
"""

from math import ceil

from tallies.operate.plan.workload.folding import Touched
from tallies.operate.plan.workload.load import SECONDS_OF_A_DAY, Load
from tallies.operate.plan.workload.moves import Moves
from tallies.stores.dynamodb.apply.in_rows.notes import LONGEST_SECONDS
from tallies.stores.layout import Guard, Ranking

IN_TRANSACTION = 2
INDEX_MOVE = 2
INDEX_ENTRY = 1
ROWS_OF_A_PAGE = 112
"""What the first hundred lines of a leaderboard by buckets read, measured on 1,000 restaurants with
7,000 marks; 10,000 with 100,000 take as many."""
LOOKS_IN_ROWS = 2
"""Read units of a batch whose rows hold their own positions: the shard's item, and the settings."""
MAX_ROWS = 99
"""Rows of a transaction, beside its guard."""


def transactions(touched: Touched) -> float:
    """Transactions of a batch: groups stay whole, so the last rows of one may stay empty."""
    each = max(1.0, touched.rows / max(touched.groups, 1e-9))
    room = max(1, int(MAX_ROWS // each))
    return max(1.0, ceil(touched.groups / room - 1e-9))


def table_units(touched: Touched, guard: Guard = "transactions") -> float:
    """Write units of a batch in the table, guards and moves to other buckets included.

    A row that holds its own position changes its bucket by its own write: whoever wrote it last
    knows what it held. In transactions it takes a second write.
    """
    if guard == "rows":
        return touched.rows
    moved = sum(each.moved for each in (touched.moves or {}).values())
    return (touched.rows + transactions(touched)) * IN_TRANSACTION + moved


def notes(batches: float, shards: float) -> float:
    """Write units of a day's notes of positions, where the rows hold them: at most one for each
    quarter of an hour and shard."""
    return min(batches, shards * SECONDS_OF_A_DAY / LONGEST_SECONDS)


def index_units(touched: Touched, *, doubled_index: bool, guard: Guard = "transactions") -> float:
    """Write units of a batch in the ranking index."""
    doubled_index = doubled_index and guard == "transactions"
    times = IN_TRANSACTION if doubled_index else 1
    if touched.moves is None:
        return touched.ranked * INDEX_MOVE * times
    return sum(bucket_units(each, doubled_index=doubled_index) for each in touched.moves.values())


def bucket_units(moves: Moves, *, doubled_index: bool) -> float:
    """Write units in a leaderboard by buckets, for rows that enter it and rows that move in it."""
    entered = moves.entered * INDEX_ENTRY * (IN_TRANSACTION if doubled_index else 1)
    return entered + moves.moved * INDEX_MOVE


def look_reads(touched: Touched, guard: Guard = "transactions") -> float:
    """Read units of a batch. By buckets, ranked rows are read after they are written, unless each
    comes back from its own write; then the shard's item and the settings are read."""
    if guard == "rows":
        return LOOKS_IN_ROWS
    return 0.0 if touched.moves is None else touched.ranked


def batch_units(touched: Touched, *, doubled_index: bool, guard: Guard = "transactions") -> float:
    """Write units of a batch, in the table and its index."""
    index = index_units(touched, doubled_index=doubled_index, guard=guard)
    return table_units(touched, guard) + index


def row_reads(load: Load) -> float:
    """Read units a day of tallies, each with all its windows, eventually consistent."""
    return load.row_reads_a_day * 0.5 * len(load.windows)


def board_reads(load: Load) -> float:
    """Read units a day of leaderboards in the index: a hundred lines are about 7 KB. By buckets
    their rows are read as well, from the table (`board_row_reads`)."""
    return load.board_reads_a_day * 1.0 if load.ranked else 0.0


def board_row_reads(load: Load, ranking: Ranking) -> float:
    """Read units a day of rows for leaderboards, eventually consistent."""
    by_buckets = ranking == "buckets" and load.ranked
    return load.board_reads_a_day * ROWS_OF_A_PAGE * 0.5 if by_buckets else 0.0
