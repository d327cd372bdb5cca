"""Amounts: exact numbers only, and how they are summed without rounding."""

from collections.abc import Sequence
from decimal import Context, Decimal, Inexact, Overflow
from re import ASCII
from re import compile as pattern
from typing import Any

from tallies.core.errors import Unfoldable, shown
from tallies.core.source.values import plain_number
from tallies.core.tally import Number

MAX_WHOLE_DIGITS = 20
MAX_DECIMALS = 9
"""Digits of one amount before and after the point. A DynamoDB number holds 38, so the sum of a
billion of the largest rows is still exact; a total can always take in one more row."""

_TYPES = frozenset({int, Decimal})
_PLAIN = pattern(r"[+-]?(\d+(\.\d*)?|\.\d+)", ASCII)
"""No exponent, no separators, no space: their meaning would be a guess."""
_EXACT = Context(prec=38, traps=[Inexact, Overflow])


def exact(values: Sequence[Any]) -> Sequence[Number]:
    """The values as exact numbers: a text that is a plain decimal number as it is, a float as the
    shortest decimal that reads back as the same float.

    Raises:
        Unfoldable: one is no number.
    """
    if _TYPES.issuperset(map(type, values)):
        return values
    return [_exact(value) for value in values]


def check_signs(values: Sequence[Number]) -> None:
    """Check that no value is below zero; they are of exact types.

    Raises:
        Unfoldable: one is, or is no number.
    """
    for value in values:
        # NaN compares with nothing.
        if (isinstance(value, Decimal) and value.is_nan()) or value < 0:
            raise Unfoldable(f"The amount {shown(value)} is not what was declared: never negative.")


def times(n: int, value: Number) -> Number:
    """`n` rows of the amount `value`, which `exact` has seen.

    Raises:
        Unfoldable: the amount has too many digits.
    """
    if isinstance(value, int):
        if abs(value) >= 10**MAX_WHOLE_DIGITS:
            raise _too_long(value)
        return n * value
    if not value:
        return 0  # whatever its exponent
    if (
        not value.is_finite()
        or value.adjusted() >= MAX_WHOLE_DIGITS
        or _decimals(value) > MAX_DECIMALS
    ):
        raise _too_long(value)
    return _EXACT.multiply(n, value)


def plus(left: Sequence[Number], right: Sequence[Number]) -> tuple[Number, ...]:
    """Component by component, exactly."""
    return tuple(
        a + b if isinstance(a, int) and isinstance(b, int) else _EXACT.add(a, b)
        for a, b in zip(left, right, strict=True)
    )


def number_of(text: str) -> Number:
    """The number that a text says, exactly."""
    try:
        return int(text)
    except ValueError:
        return Decimal(text)


def negated(amounts: Sequence[Number]) -> tuple[Number, ...]:
    """Component by component, exactly: Python's minus sign rounds decimals to 28 digits."""
    return tuple(-a if isinstance(a, int) else a.copy_negate() for a in amounts)


def _exact(value: Any) -> Number:
    if type(value) in _TYPES:
        return value  # type: ignore[no-any-return] # it is one of those
    if isinstance(value, float):
        return plain_number(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return Decimal(value)
    raise Unfoldable(f"The amount {shown(value)} is no exact number.")


def _decimals(amount: Decimal) -> int:
    _, digits, exponent = amount.as_tuple()
    trailing = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -(int(exponent) + trailing)


def _too_long(value: Number) -> Unfoldable:
    return Unfoldable(
        f"The amount {shown(value)} has more than {MAX_WHOLE_DIGITS} digits before the"
        f" point or {MAX_DECIMALS} after it."
    )
