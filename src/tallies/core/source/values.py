"""Values: what a tally reads from a row: a whole attribute, a part of one, or its elements."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import isnan
from typing import Any, Final

from tallies.core.change import Image
from tallies.core.errors import InvalidTally, Unfoldable, shown

MISSING: Final[Any] = object()
"""Stands for an attribute that a row does not have; null is something else."""

_REMEMBERED_DOCUMENTS = 64
"""Several values are often read from the document of one row, and from its old image too."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a row.

    `Value("city")` is an attribute (or a column); `Value("address", ("city",))` is in a map, or in
    a text that holds one as JSON; `Value("PK", after="SHOP#")` is the part of a key after a prefix;
    `Value("tags", each=True)` is each element of a set or a list, or of a text that holds a list as
    JSON.

    Raises:
        InvalidTally: when made with parts that contradict each other.
    """

    attribute: str
    path: tuple[str, ...] = ()
    """The names that lead further into the attribute."""
    after: str | None = None
    """Rows whose attribute does not begin with this text are of another entity: not counted."""
    each: bool = False
    """The row counts once in each of the groups, and in none if there is no element."""

    def __post_init__(self) -> None:
        given: Any = self.path  # what a caller gave, whatever the types say
        path: tuple[Any, ...] = (given,) if isinstance(given, str) else tuple(given)
        object.__setattr__(self, "path", path)
        names: tuple[Any, ...] = (self.attribute, *path)
        if not all(isinstance(name, str) and name for name in names):
            raise InvalidTally(
                f"{shown(list(names) if path else self.attribute)} has no name for"
                " an attribute; names are texts of at least one character."
            )
        after: Any = self.after
        if after is not None and not (isinstance(after, str) and after):
            raise InvalidTally(
                f"{self.label!r} is read after {shown(self.after)}; give the prefix as a text of at"
                " least one character."
            )
        if self.after is not None and (path or self.each):
            other = "a path" if path else "each"
            raise InvalidTally(
                f"{self.label!r} has both after and {other}; a prefix stands only before the text"
                " of an attribute."
            )

    @property
    def label(self) -> str:
        """The name that it is shown by."""
        return ".".join((self.attribute, *self.path))

    @property
    def is_plain(self) -> bool:
        """Whether it is a whole attribute."""
        return not self.path and self.after is None and not self.each

    def counts(self, image: Image) -> bool:
        """Whether the row belongs to the entity whose keys have the prefix `after`."""
        if self.after is None:
            return True
        found = image.get(self.attribute)
        return isinstance(found, str) and found.startswith(self.after)

    def find(self, image: Image) -> Any:
        """What the row holds there; `MISSING` for nothing, also where a path breaks off."""
        found = image.get(self.attribute, MISSING)
        if self.path or self.each:
            found = _document(found)
        for name in self.path:
            if not isinstance(found, Mapping):
                return MISSING
            found = found.get(name, MISSING)
        if self.after is not None:
            return found[len(self.after) :] if self.counts(image) else MISSING
        return found

    def read(self, image: Image) -> Any:
        """As `find`, where there must be something.

        Raises:
            Unfoldable: there is nothing.
        """
        found = self.find(image)
        if found is MISSING:
            raise Unfoldable(f"The row has no attribute {self.label!r}.")
        return found

    def elements(self, image: Image) -> Iterable[Any]:
        """What is in the set or list; nothing where the row has none.

        Raises:
            Unfoldable: it is neither.
        """
        found = self.find(image)
        if found is MISSING or found is None:
            return ()
        if isinstance(found, list | set | frozenset):
            return found
        raise Unfoldable(f"{self.label!r} is {shown(found)}, neither a set nor a list.")


def value_of(given: "Value | str") -> Value:
    """The value that a declaration means; a text is the name of an attribute.

    Raises:
        InvalidTally: it means none.
    """
    if isinstance(given, Value):
        return given
    if isinstance(given, str):
        return Value(given)
    raise InvalidTally(f"{shown(given)} is no value; give the name of an attribute, or a Value.")


def values_of(given: "Iterable[Value | str] | Value | str") -> tuple[Value, ...]:
    """As `value_of`, for one or several."""
    if isinstance(given, Value | str):
        return (value_of(given),)
    if not isinstance(given, Iterable):
        raise InvalidTally(
            f"{shown(given)} is no value; give the name of an attribute, or a Value."
        )
    return tuple(map(value_of, given))


def plain_number(value: float) -> Decimal:
    """The shortest decimal that reads back as the same float."""
    return Decimal(repr(value))


def told_apart(value: Any) -> Any:
    """The value in a form that equals only what counts as the same: in Python True equals 1."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, float | Decimal) and isnan(value):
        return ("NaN",)  # which is not equal to itself
    if isinstance(value, float):
        return plain_number(value)
    if isinstance(value, Mapping):
        return {name: told_apart(part) for name, part in value.items()}
    if isinstance(value, list):
        return [told_apart(part) for part in value]
    return value


def _document(found: Any) -> Any:
    """The map or list in a text that holds one as JSON; all else as it is."""
    if isinstance(found, str | bytes):
        return _parsed(found)
    return found


@lru_cache(maxsize=_REMEMBERED_DOCUMENTS)
def _parsed(text: str | bytes) -> Any:
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError):  # not JSON, or not to be held
        return text
    return found if isinstance(found, dict | list) else text


def _no_number(name: str) -> Any:
    raise ValueError(name)  # NaN and the infinities are no JSON
