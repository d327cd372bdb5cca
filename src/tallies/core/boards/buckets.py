"""Buckets of a measure: coarse steps whose order is the order of the amounts.

A ranking that is sorted by bucket moves a row only when its amount crosses a threshold, not at
every addition. Thresholds grow by half, starting from the smallest amount that a row can hold, so
that a large amount crosses one rarely; of whole numbers, 1, 2 and 3 have a bucket each.
"""

from bisect import bisect_left, bisect_right
from decimal import Decimal

from tallies.core.amounts import MAX_DECIMALS
from tallies.core.tally import Number

LARGEST_THRESHOLD = 10**126
"""Beyond the largest number that DynamoDB holds."""
_SHOWN_DIGITS = 3
"""Significant digits of a threshold: a DynamoDB number has 38."""


def _trimmed(threshold: int) -> int:
    """A threshold without its surplus digits."""
    surplus: int = 10 ** max(0, len(str(threshold)) - _SHOWN_DIGITS)
    return threshold // surplus * surplus


def _growing(most: int) -> list[int]:
    found = [1]
    while found[-1] < most:
        found.append(_trimmed(found[-1] + max(1, found[-1] // 2)))
    return found


def _thresholds() -> tuple[Number, ...]:
    unit = 10**MAX_DECIMALS
    fractions = [
        Decimal(whole).scaleb(-MAX_DECIMALS).normalize() for whole in _growing(unit) if whole < unit
    ]
    return (0, *fractions, *_growing(LARGEST_THRESHOLD))


THRESHOLDS = _thresholds()
_BUCKETS: tuple[Number, ...] = (*(-each for each in reversed(THRESHOLDS[1:])), *THRESHOLDS)


def bucket_of(amount: Number) -> Number:
    """The bucket that holds an amount, named by the least amount that it holds.

    Only zero itself is in the bucket 0. A larger amount is never in a lower bucket.

    >>> [bucket_of(amount) for amount in (0, 3, 7, 1_000_000, -7)]
    [0, 3, 6, 688000, -9]

    Raises:
        ValueError: the amount is not finite, or larger than DynamoDB can hold.
    """
    if isinstance(amount, Decimal) and not amount.is_finite():
        raise ValueError(f"{amount} has no bucket: give a finite number")
    if not -LARGEST_THRESHOLD < amount < LARGEST_THRESHOLD:
        raise ValueError("an amount of 127 digits or more has no bucket")
    return _BUCKETS[bisect_right(_BUCKETS, amount) - 1]


def bucket_above(bucket: Number) -> Number:
    """The lowest bucket above another one: all that the other one holds is below it.

    Raises:
        IndexError: there is none above it.
    """
    return _BUCKETS[bisect_right(_BUCKETS, bucket)]


def bucket_below(bucket: Number) -> Number:
    """The highest bucket below another one."""
    return _BUCKETS[bisect_left(_BUCKETS, bucket) - 1]
