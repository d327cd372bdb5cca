"""Conditions: which rows a tally counts, by comparing a value of each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any, Literal

from tallies.core.declaration.short_forms import Given
from tallies.core.errors import InvalidTally, shown
from tallies.core.source.values import MISSING, plain_number

Scalar = str | int | float | Decimal | bool

Kind = Literal["text", "number", "boolean"]

NAMES = {"is": "is_", "not": "not_", "begins_with": "begins_with", "exists": "exists"}
"""Comparisons as a declaration names them."""
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "at_least": ge,
    "more_than": gt,
    "at_most": le,
    "less_than": lt,
}
NAMES |= {name: name for name in _ORDERS}


def _several(given: Scalar | Iterable[Scalar]) -> tuple[Scalar, ...]:
    if isinstance(given, set | frozenset):
        given = sorted(given, key=repr)  # one set, one declaration
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping):
        return tuple(map(_decimal, given))
    return (_decimal(given),)  # the check refuses what is not a scalar


def _decimal(given: Any) -> Any:
    return plain_number(given) if isinstance(given, float) else given


@dataclass(frozen=True, kw_only=True, eq=False)
class Condition:
    """What a value must be for its row to count. Everything that is given must be true.

    Numbers are compared as exact numbers, texts by their code points. Values of different types
    (text, number, boolean) are never equal, and neither is more or less than the other. A value
    that is missing or null meets `exists=False` and, as with `<>` in DynamoDB, any `not_`; nothing
    else.

    Raises:
        InvalidTally: when made with something that cannot be compared.
    """

    is_: Given[Scalar | Iterable[Scalar], tuple[Scalar, ...]] = Given(_several, ())
    """One of these, or this one."""
    not_: Given[Scalar | Iterable[Scalar], tuple[Scalar, ...]] = Given(_several, ())
    """None of these, or not this one."""
    begins_with: str | None = None
    exists: bool | None = None
    """True: something other than null; False: missing or null."""
    at_least: str | int | float | Decimal | None = None
    more_than: str | int | float | Decimal | None = None
    at_most: str | int | float | Decimal | None = None
    less_than: str | int | float | Decimal | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__  # the class is frozen; this is its construction
        for name in _ORDERS:
            put(self, name, _decimal(getattr(self, name)))
        for name in ("is_", "not_"):
            for value in getattr(self, name):
                if _kind(value) is None:
                    raise InvalidTally(
                        f"A value is compared with {shown(value)}, which is neither text nor number"
                        " nor true or false; for null use exists = false."
                    )
        for name in _ORDERS:
            bound = getattr(self, name)
            if bound is not None and _kind(bound) not in ("text", "number"):
                raise InvalidTally(f"{name} is a text or a number, not {shown(bound)}.")
        if not isinstance(self.begins_with, str | None):
            raise InvalidTally(f"begins_with is a text, not {shown(self.begins_with)}.")
        if not isinstance(self.exists, bool | None):
            raise InvalidTally(f"exists is true or false, not {shown(self.exists)}.")
        if all(getattr(self, each.name) in (None, ()) for each in fields(self)):
            raise InvalidTally(f"It says nothing; use one of {', '.join(NAMES)}.")
        put(self, "_is", frozenset(map(_comparable, self.is_)))
        put(self, "_not", frozenset(map(_comparable, self.not_)))
        # Most conditions are of this kind.
        only = all(getattr(self, each.name) in (None, ()) for each in fields(self)[1:])
        texts = only and all(isinstance(value, str) for value in self.is_)
        put(self, "_texts", frozenset(self.is_) if texts else None)
        bounds = [(name, getattr(self, name)) for name in _ORDERS]
        put(
            self,
            "_bounds",
            [(_ORDERS[name], *_comparable(bound)) for name, bound in bounds if bound is not None],
        )

    def __eq__(self, other: object) -> bool:
        """Whether the other one holds for the same values: True is not 1, as it is in Python."""
        return isinstance(other, Condition) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        of: Any = self
        bounds = tuple(_comparable(getattr(self, name)) for name in _ORDERS)
        return of._is, of._not, self.begins_with, self.exists, bounds

    def holds(self, value: Any) -> bool:
        """Whether a value of a row (`MISSING` where there is none) is what it must be."""
        of: Any = self
        if of._texts is not None:
            return type(value) is str and value in of._texts
        exists = value is not MISSING and value is not None
        if self.exists is not None and exists != self.exists:
            return False
        found = kind, comparable = _comparable(value)
        if self.is_ and found not in of._is:
            return False
        if self.not_ and found in of._not:
            return False
        if self.begins_with is not None and not (
            kind == "text" and comparable.startswith(self.begins_with)
        ):
            return False
        return all(kind == other and order(comparable, b) for order, other, b in of._bounds)


Wanted = Condition | Mapping[str, Any] | Scalar | Iterable[Scalar] | None
"""What a declaration may say of a value: a scalar, several, or comparisons by their names."""


def condition_of(given: Wanted) -> Condition:
    """The condition that a declaration means: one value, several, or comparisons by their names.

    Raises:
        InvalidTally: it means none.
    """
    if isinstance(given, Condition):
        return given
    if given is None:
        return Condition(exists=False)
    if isinstance(given, Mapping):
        if unknown := [name for name in given if name not in NAMES]:
            raise InvalidTally(
                f"{shown(unknown[0])} is no comparison; the known ones are {', '.join(NAMES)}."
            )
        return Condition(**{NAMES[name]: value for name, value in given.items()})
    return Condition(is_=given)


def _kind(value: Any) -> Kind | None:
    return _comparable(value)[0]


def _comparable(value: Any) -> tuple[Kind | None, Any]:
    """The type of a value, and a form in which equal ones are equal."""
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, float):
        value = plain_number(value)
    if isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite()):
        return "number", value
    return None, None
