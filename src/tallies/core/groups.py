"""Groups: the text that names a group, made from its values."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from tallies.core.errors import InvalidId, Unfoldable, shown
from tallies.core.ids import check_characters, join_ids, split_ids
from tallies.core.source.values import plain_number

MAX_GROUP_BYTES = 2000
"""UTF-8 bytes of a group: a DynamoDB partition key has 2,048, some of which stores keep."""

PLAIN_LENGTH = MAX_GROUP_BYTES // 4
"""Printable text of at most this many characters is a group as it is."""


TOTAL = "total"
"""The one group of a tally that groups by nothing. No other group can collide with it there."""

_AS_THEY_ARE = frozenset({str, int, Decimal})


def group_column(values: Sequence[Any]) -> Sequence[Any]:
    """Group values of many rows, converted so that values are equal if they make the same group: in
    Python True equals 1, and a float equals its full binary value, not its short decimal."""
    if _AS_THEY_ARE.issuperset(map(type, values)):
        return values
    return [value_text(value) if isinstance(value, bool | float) else value for value in values]


def group_text(values: Sequence[Any]) -> str:
    """The text for these values; `TOTAL` for none. Numbers that are equal give one text, however
    they are written; true and false give their names.

    Raises:
        Unfoldable: a value is neither text nor number, or what they make is too long.
    """
    if not values:
        return TOTAL
    texts = [value_text(value) for value in values]
    group = texts[0] if len(texts) == 1 else join_ids(*texts)
    if len(group.encode()) > MAX_GROUP_BYTES:
        raise Unfoldable(f"The group {shown(group)} has more than {MAX_GROUP_BYTES} bytes.")
    return group


def named_values(names: Sequence[str], group: str) -> dict[str, str]:
    """The texts that make a group, by the names that they are shown by (`Tally.labels`).

    >>> named_values(("city", "restaurant_id"), "Rome#noodles")
    {'city': 'Rome', 'restaurant_id': 'noodles'}
    """
    texts = split_ids(group) if len(names) > 1 else (group,)
    # A row that somebody wrote by hand may have any number of parts.
    return dict(zip_longest(names, texts[: len(names)], fillvalue=""))


def value_text(value: Any) -> str:
    """The text of one value of a group.

    Raises:
        Unfoldable: it is neither text nor number nor true or false, or too long.
    """
    if isinstance(value, str):
        if not value:
            raise Unfoldable("The group value is empty.")
        try:
            return check_characters(value, f"group value {shown(value)}")
        except InvalidId as error:
            raise Unfoldable(str(error)) from None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        number = plain_number(value) if isinstance(value, float) else Decimal(value)
        if not number:
            return "0"
        if not number.is_finite() or abs(number.adjusted()) > MAX_GROUP_BYTES:
            raise Unfoldable(f"The group value {shown(value)} is endless or too long.")
        text = f"{number:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    raise Unfoldable(f"The group value {shown(value)} is neither text nor number.")
