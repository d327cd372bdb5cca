"""Buckets keep the order of amounts, and are crossed rarely."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.core.boards.buckets import THRESHOLDS, bucket_above, bucket_of

amounts: st.SearchStrategy[int | Decimal] = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.integers(-50, 50),
    st.decimals(-1000, 1000, allow_nan=False, places=6),
    st.decimals(-1, 1, allow_nan=False, places=9),
)


@given(amounts)
def test_a_bucket_holds_its_amount(amount: int | Decimal) -> None:
    bucket = bucket_of(amount)
    assert bucket <= amount < bucket_above(bucket)
    assert bucket_of(bucket) == bucket


@given(amounts, amounts)
def test_a_larger_amount_is_never_in_a_lower_bucket(
    one: int | Decimal, other: int | Decimal
) -> None:
    low, high = sorted((one, other))
    assert bucket_of(low) <= bucket_of(high)


@given(amounts.filter(bool))
def test_amounts_in_one_bucket_differ_by_half_at_most(amount: int | Decimal) -> None:
    low = Decimal(bucket_of(amount))
    high = Decimal(bucket_above(bucket_of(amount)))
    least, most = sorted((abs(low), abs(high)))
    if least >= Decimal("1E-8"):  # whole units of the smallest amount
        assert most <= 2 * least
    if least >= 9:
        assert most <= least * Decimal("1.5")


def test_thresholds_grow_by_half() -> None:
    one = THRESHOLDS.index(1)
    assert THRESHOLDS[one : one + 9] == (1, 2, 3, 4, 6, 9, 13, 19, 28)
    assert THRESHOLDS[one - 4 : one] == tuple(map(Decimal, ("0.294", "0.441", "0.661", "0.991")))


def test_only_zero_shares_the_bucket_of_zero() -> None:
    smallest = Decimal("0.000000001")
    assert bucket_of(0) == bucket_of(Decimal("-0.0")) == 0
    assert bucket_of(smallest) == smallest
    assert bucket_of(-smallest) == -smallest


def test_negative_and_decimal_amounts_have_buckets() -> None:
    of = [bucket_of(Decimal(text)) for text in ("-1.5", "-1", "-0.1", "0", "0.9", "1", "5.99", "6")]
    assert of == [-2, -1, Decimal("-0.131"), 0, Decimal("0.661"), 1, 4, 6]


def test_a_threshold_is_a_number_that_dynamodb_holds() -> None:
    assert max(len(Decimal(each).normalize().as_tuple().digits) for each in THRESHOLDS) == 3


def test_the_largest_amount_of_dynamodb_has_a_bucket() -> None:
    assert bucket_of(Decimal("9.9E+125")) <= Decimal("9.9E+125")


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), 10**126, -(10**126)])
def test_an_amount_beyond_what_is_stored_is_refused(amount: int | Decimal) -> None:
    with pytest.raises(ValueError, match="bucket"):
        bucket_of(amount)
