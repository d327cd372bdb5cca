"""Values, times and conditions: from the form that a declaration writes, and back."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tallies.core.errors import InvalidTally, shown
from tallies.core.source.conditions import NAMES, Condition, condition_of
from tallies.core.source.row_time import Time
from tallies.core.source.values import Value

_VALUE = ("attribute", "path", "after", "each")
_TIME = ("as", "naive_zone")


def value_from(spec: Any, *others: str) -> Value:
    """The value that a text or a table names; `others` are the table's further keys.

    Raises:
        InvalidTally: it names none.
    """
    if isinstance(spec, str):
        return Value(spec)
    if not isinstance(spec, Mapping):
        raise InvalidTally(
            f"{shown(spec)} is no value; write the name of an attribute, or a table like"
            ' { path = ["address", "city"] }.'
        )
    known = (*_VALUE, *others)
    if unknown := [key for key in spec if key not in known]:
        raise InvalidTally(f"unknown key {unknown[0]!r}; the known ones are {', '.join(known)}.")
    if ("attribute" in spec) == ("path" in spec):
        raise InvalidTally(
            f"{shown(dict(spec))} needs one of attribute (a name) and path (a list of names)."
        )
    path = spec.get("path", [spec.get("attribute")])
    if not (isinstance(path, list) and path):
        raise InvalidTally(f"path is a list of at least one name, not {shown(path)}.")
    if not isinstance(spec.get("each", False), bool):
        raise InvalidTally(f"each is true or false, not {shown(spec['each'])}.")
    attribute, *inside = path
    return Value(attribute, tuple(inside), spec.get("after"), spec.get("each", False))


def spec_of_value(value: Value) -> Any:
    """Undoes `value_from`."""
    if value.is_plain:
        return value.attribute
    named: dict[str, Any] = {"attribute": value.attribute}
    if value.path:
        named = {"path": [value.attribute, *value.path]}
    if value.after is not None:
        named["after"] = value.after
    return named | ({"each": True} if value.each else {})


def time_from(spec: Any) -> Time:
    """The time that a text or a table names.

    Raises:
        InvalidTally: it names none.
    """
    value = value_from(spec, *_TIME)
    if isinstance(spec, str):
        return Time(value)
    return Time(value, spec.get("as", "rfc3339"), spec.get("naive_zone", "UTC"))


def spec_of_time(time: Time) -> Any:
    """Undoes `time_from`."""
    spec = spec_of_value(time.value)
    more = {"as": time.as_, "naive_zone": time.naive_zone}
    more = {key: name for key, name in more.items() if name not in ("rfc3339", "UTC")}
    if not more:
        return spec
    return {**({"attribute": spec} if isinstance(spec, str) else spec), **more}


def conditions_from(spec: Any) -> Mapping[Value, Condition]:
    """The conditions in a table by attributes, or in a list of tables that each name a value.

    Raises:
        InvalidTally: it states none.
    """
    if isinstance(spec, Mapping):
        pairs = [(Value(name), wanted) for name, wanted in spec.items()]
    elif isinstance(spec, list) and all(isinstance(each, Mapping) for each in spec):
        pairs = [
            (
                value_from(each, *NAMES),
                {name: wanted for name, wanted in each.items() if name in NAMES},
            )
            for each in spec
        ]
    else:
        raise InvalidTally(f"where is a table or a list of tables, not {shown(spec)}.")
    found: dict[Value, Condition] = {}
    for value, wanted in pairs:
        if value in found:
            raise InvalidTally(
                f"where {value.label!r} stands there twice; put its comparisons into one table."
            )
        try:
            found[value] = condition_of(_numbers(wanted))
        except InvalidTally as error:
            raise InvalidTally(f"where {value.label!r}: {error}") from None
    return found


def spec_of_conditions(where: Mapping[Value, Condition]) -> Any:
    """Undoes `conditions_from`."""
    if all(value.is_plain for value in where):
        return {value.attribute: _short(condition) for value, condition in where.items()}
    found = []
    for value, condition in where.items():
        spec = spec_of_value(value)
        named = {"attribute": spec} if isinstance(spec, str) else spec
        found.append({**named, **_comparisons(condition)})
    return found


def _comparisons(condition: Condition) -> dict[str, Any]:
    said = {name: getattr(condition, field) for name, field in NAMES.items()}
    return {name: _plain(said) for name, said in said.items() if said not in (None, ())}


def _short(condition: Condition) -> Any:
    said = _comparisons(condition)
    return said["is"] if said.keys() == {"is"} else said


def _numbers(wanted: Any) -> Any:
    """Floats, which JSON has instead of decimals, as the decimals that they were."""
    if isinstance(wanted, list):
        return [_numbers(each) for each in wanted]
    if isinstance(wanted, Mapping):
        return {name: _numbers(each) for name, each in wanted.items()}
    if (
        isinstance(wanted, Decimal)
        and wanted.is_finite()
        and Decimal(repr(float(wanted))) != wanted
    ):
        raise InvalidTally("it is compared with a number of too many digits.")
    return wanted


def _plain(said: Any) -> Any:
    if isinstance(said, tuple):
        values = [_plain(each) for each in said]
        return values[0] if len(values) == 1 else values
    return float(said) if isinstance(said, Decimal) else said
