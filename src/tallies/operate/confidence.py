"""Confidence: what a sample in which some groups drifted says about all groups."""

from math import exp, lgamma, log, log1p

CONFIDENCE = 0.95
_HALVINGS = 60
_NEGLIGIBLE = 1e-17


def most(drifted: int, checked: int, confidence: float = CONFIDENCE) -> float:
    """The share of all groups that drifted is less than this, with so much confidence.

    The upper bound of Clopper and Pearson: exact for groups that were chosen by chance, whatever
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
