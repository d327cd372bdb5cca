"""The filter of an event source mapping: which change records a function need not be called for.

It lets through every record that a tally may count, and more. It contains only conditions that
Lambda's filters certainly compare as a tally does: the texts and booleans that an attribute must
be, and the prefixes of texts. Numbers are left out, since a filter would compare how they are
written, and so are attributes that must be missing.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tallies.core.source.conditions import Condition
from tallies.core.source.values import Value
from tallies.core.tally import Tally

MAX_PATTERN = 4096
"""The most characters that Lambda takes in a pattern."""

_EVENTS = ("INSERT", "MODIFY", "REMOVE")

_Typed = tuple[str, str]
"""An attribute, and the type that it must be of."""


def event_patterns(tallies: Sequence[Tally]) -> list[str]:
    """The patterns, as JSON; a record passes if it meets one of them.

    One is for the row's new image and one for its old one: a row that leaves a tally meets only the
    second. The filter must let a tally's records through before a tally that is declared later is
    built.
    """
    in_place = any(tally.in_place for tally in tallies)
    events = {"eventName": [event for event in _EVENTS if in_place or event != "MODIFY"]}
    wanted = _common([_of_tally(tally) for tally in tallies])
    if not wanted:
        return [json.dumps(events)]
    image: dict[str, dict[str, Any]] = {}
    for (attribute, kind), alternatives in wanted.items():
        image[attribute] = {kind: alternatives}
    patterns = [
        json.dumps({**events, "dynamodb": {which: image}}, ensure_ascii=False)
        for which in ("NewImage", "OldImage")
    ]
    return [json.dumps(events)] if max(map(len, patterns)) > MAX_PATTERN else patterns


def _common(each: Sequence[Mapping[_Typed, list[Any]]]) -> dict[_Typed, list[Any]]:
    """The attributes that every tally has a condition for, each with the alternatives of all."""
    first, *others = each
    found: dict[_Typed, list[Any]] = {}
    for typed, alternatives in first.items():
        if all(typed in other for other in others):
            merged = [*alternatives, *(one for other in others for one in other[typed])]
            found[typed] = [one for at, one in enumerate(merged) if one not in merged[:at]]
    return found


def _of_tally(tally: Tally) -> dict[_Typed, list[Any]]:
    found: dict[_Typed, list[Any]] = {}
    for value, condition in tally.where.items():
        typed = _of_condition(value, condition)
        if typed is not None:
            found.setdefault(*typed)
    for value in tally.reads:
        if value.after is not None:
            found.setdefault((value.attribute, "S"), [{"prefix": value.after}])
    return found


def _of_condition(value: Value, condition: Condition) -> tuple[_Typed, list[Any]] | None:
    if value.path or value.each:
        return None
    before = value.after or ""
    if condition.is_:
        if all(isinstance(wanted, bool) for wanted in condition.is_) and not before:
            return (value.attribute, "BOOL"), list(condition.is_)
        texts = [before + wanted for wanted in condition.is_ if isinstance(wanted, str)]
        if len(texts) == len(condition.is_) and all(texts):
            return (value.attribute, "S"), list(texts)
    if condition.begins_with:
        return (value.attribute, "S"), [{"prefix": before + condition.begins_with}]
    return None
