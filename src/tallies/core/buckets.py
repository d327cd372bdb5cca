"""Buckets of a measure: coarse steps whose order is the order of the amounts.

A ranking that is sorted by bucket moves a row only when its amount crosses a threshold, not at
every addition. Thresholds grow by half, so that a large amount crosses one rarely.
"""

from bisect import bisect_right
from decimal import Decimal

# Beyond the largest number that DynamoDB holds (below 10 ** 126).
LARGEST_THRESHOLD = 10**126


def _thresholds() -> tuple[int, ...]:
    found = [0]
    while found[-1] < LARGEST_THRESHOLD:
        found.append(found[-1] + max(1, found[-1] // 2))
    return tuple(found)


THRESHOLDS = _thresholds()
_BOUNDS = tuple(-threshold for threshold in reversed(THRESHOLDS[1:])) + THRESHOLDS
_ZERO = len(THRESHOLDS) - 1


def bucket_of(amount: int | Decimal) -> int:
    """The bucket that holds an amount: at or above its lower bound, below the next one's.

    Amounts from 0 to below 1 are in bucket 0, negative ones in negative buckets. A larger amount
    is never in a lower bucket.

    Raises:
        ValueError: the amount is not finite, or larger than DynamoDB can hold.
    """
    if isinstance(amount, Decimal) and not amount.is_finite():
        raise ValueError(f"{amount} has no bucket: give a finite number")
    if not -LARGEST_THRESHOLD < amount < LARGEST_THRESHOLD:
        raise ValueError("an amount of 127 digits or more has no bucket")
    return bisect_right(_BOUNDS, amount) - 1 - _ZERO


def lower_bound(bucket: int) -> int:
    """The least amount that is in a bucket.

    Raises:
        ValueError: there is no such bucket.
    """
    if not -_ZERO <= bucket <= _ZERO:
        raise ValueError(f"there is no bucket {bucket}")
    return _BOUNDS[bucket + _ZERO]
