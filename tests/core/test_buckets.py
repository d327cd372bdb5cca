"""Buckets keep the order of amounts, and are crossed rarely."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.core.buckets import THRESHOLDS, bucket_of, lower_bound

amounts = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.integers(-50, 50),
    st.decimals(-1000, 1000, allow_nan=False, places=6),
)


@given(amounts)
def test_a_bucket_holds_its_amount(amount: int | Decimal) -> None:
    bucket = bucket_of(amount)
    assert lower_bound(bucket) <= amount < lower_bound(bucket + 1)


@given(amounts, amounts)
def test_a_larger_amount_is_never_in_a_lower_bucket(
    one: int | Decimal, other: int | Decimal
) -> None:
    low, high = sorted((one, other))
    assert bucket_of(low) <= bucket_of(high)


def test_thresholds_grow_by_half() -> None:
    assert THRESHOLDS[:9] == (0, 1, 2, 3, 4, 6, 9, 13, 19)


def test_negative_and_decimal_amounts_have_buckets() -> None:
    of = [bucket_of(Decimal(text)) for text in ("-1.5", "-1", "-0.1", "0", "0.9", "1", "5.99", "6")]
    assert of == [-2, -1, -1, 0, 0, 1, 4, 5]


def test_the_largest_amount_of_dynamodb_has_a_bucket() -> None:
    assert lower_bound(bucket_of(Decimal("9.9E+125"))) <= Decimal("9.9E+125")


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), 10**126, -(10**126)])
def test_an_amount_beyond_what_is_stored_is_refused(amount: int | Decimal) -> None:
    with pytest.raises(ValueError, match="bucket"):
        bucket_of(amount)
