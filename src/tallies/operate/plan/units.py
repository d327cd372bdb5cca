"""Write units of a batch, by the rules of the service and of the apply.

A row in a transaction costs two units, its move in a leaderboard two more. Whether a transaction
doubles those of the index, too, is documented nowhere: a plan can be made either way.
"""

from math import ceil

from tallies.operate.plan.folding import Touched

IN_TRANSACTION = 2
INDEX_MOVE = 2
MAX_ROWS = 99
"""Rows of a transaction, beside its guard."""


def transactions(touched: Touched) -> float:
    """Transactions of a batch: groups stay whole, so the last rows of one may stay empty."""
    each = max(1.0, touched.rows / max(touched.groups, 1e-9))
    room = max(1, int(MAX_ROWS // each))
    return max(1.0, ceil(touched.groups / room - 1e-9))


def batch_units(touched: Touched, *, doubled_index: bool) -> float:
    """Write units of a batch, guards included."""
    index = INDEX_MOVE * (IN_TRANSACTION if doubled_index else 1)
    return (touched.rows + transactions(touched)) * IN_TRANSACTION + touched.ranked * index
