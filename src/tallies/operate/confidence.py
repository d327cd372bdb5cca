"""Confidence: what a sample in which some groups drifted says about all groups."""

from decimal import ROUND_CEILING, Context
from math import exp, lgamma, log, log1p

CONFIDENCE = 0.95
_HALVINGS = 60
_NEGLIGIBLE = 1e-17


def most(drifted: int, checked: int, confidence: float = CONFIDENCE) -> float:
    """The share of all groups that drifted is less than this, with the given confidence.

    The upper bound of Clopper and Pearson: exact for groups that were chosen at random, whatever
    their share, and a little too high where there are few others.

    >>> round(most(0, 2531), 5)
    0.00118
    """
    if drifted >= checked:
        return 1.0
    low, high = drifted / checked, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _at_most(drifted, checked, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def in_words(drifted: int, checked: int) -> str:
    """What the sample says, as a sentence.

    >>> in_words(0, 2531)
    '0 of 2,531 sampled groups drifted: with 95 % confidence fewer than 0.12 % of the groups do.'
    """
    if not checked:
        return "No group came into the sample, so it says nothing; take a larger share."
    said = f"{drifted:,} of {checked:,} sampled groups drifted"
    if drifted == checked:
        return f"{said}: it may be all groups that do."
    bound = Context(prec=2, rounding=ROUND_CEILING).create_decimal_from_float(
        100 * most(drifted, checked)
    )
    confidence = f"{100 * CONFIDENCE:.0f} % confidence"
    return f"{said}: with {confidence} fewer than {bound:f} % of the groups do."


def _at_most(k: int, n: int, p: float) -> float:
    """The probability of `k` or fewer of `n`, each with probability `p`, where `p` > `k` / `n`."""
    if p >= 1:
        return 0.0
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    term = exp(ways + k * log(p) + (n - k) * log1p(-p))
    total, smallest = term, term * _NEGLIGIBLE
    while k and term > smallest:
        term *= k / (n - k + 1) * (1 - p) / p
        total += term
        k -= 1
    return total
