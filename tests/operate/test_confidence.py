"""The confidence that a sample gives, beside the probabilities summed one by one."""

from fractions import Fraction
from math import comb

import pytest

from tallies.operate.confidence import CONFIDENCE, most


def chance_of_at_most(k: int, n: int, p: Fraction) -> Fraction:
    return sum((comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), Fraction(0))


@pytest.mark.parametrize(("drifted", "checked"), [(0, 1), (0, 50), (1, 50), (7, 40), (49, 50)])
def test_the_bound_is_exact(drifted: int, checked: int) -> None:
    bound = most(drifted, checked)
    found = chance_of_at_most(drifted, checked, Fraction(bound))
    assert float(found) == pytest.approx(1 - CONFIDENCE, rel=1e-9)


def test_no_drift_in_n_groups() -> None:
    assert most(0, 2531) == pytest.approx(1 - 0.05 ** (1 / 2531))


def test_all_may_have_drifted_when_all_that_were_looked_at_did() -> None:
    assert most(3, 3) == most(0, 0) == 1.0


def test_large_samples() -> None:
    bound = most(100_000, 1_000_000)
    assert 0.1 < bound < 0.101
    assert most(0, 10**9) < 4e-9
