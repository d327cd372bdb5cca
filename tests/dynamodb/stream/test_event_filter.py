"""The filter of the event source mapping lets through all that a tally may count."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from tallies import Change, Count, Folder, Tally, Value, fold
from tallies.core.declaration.declaration import read_declaration
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.stream.event_filter import MAX_PATTERN, event_patterns
from tests.core import real_rows as make
from tests.length import at_length

EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "examples"


def passes(patterns: list[str], record: Mapping[str, Any]) -> bool:
    """As Lambda's rules say: all fields of one pattern, each by one of its alternatives."""
    return any(_meets(json.loads(pattern), record) for pattern in patterns)


def _meets(pattern: Any, found: Any) -> bool:
    if isinstance(pattern, list):
        return any(_is(one, found) for one in pattern)
    return isinstance(found, Mapping) and all(
        name in found and _meets(part, found[name]) for name, part in pattern.items()
    )


def _is(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, str) and found.startswith(wanted["prefix"])
    return type(wanted) is type(found) and bool(wanted == found)


def record_of(change: Change) -> dict[str, Any]:
    event = "INSERT" if change.old is None else "REMOVE" if change.new is None else "MODIFY"
    images = {"OldImage": change.old, "NewImage": change.new}
    typed = {name: _typed(image) for name, image in images.items() if image is not None}
    return {"eventName": event, "dynamodb": typed}


def _typed(image: Mapping[str, Any]) -> dict[str, Any]:
    serialize = TypeSerializer().serialize
    return {
        name: serialize(Decimal(repr(value)) if isinstance(value, float) else value)
        for name, value in image.items()
        if name != make.TRUTH and value != frozenset()
    }


@settings(max_examples=at_length(100))
@given(st.lists(make.cases(), min_size=1, max_size=3), make.changes())
def test_every_record_that_a_tally_counts_or_parks_passes(
    cases: list[make.Case], history: tuple[list[Change], list[make.Row]]
) -> None:
    patterns = event_patterns([case.tally for case in cases])
    for change in history[0]:
        # By what each image comes to: one record may cancel itself out.
        images = [Change(None, image) for image in change[:2] if image is not None]
        counted = [fold([Folder(case.tally)], [image]) for case in cases for image in images]
        if any(folded.deltas["t"] or folded.parked for folded in counted):
            assert passes(patterns, record_of(change))


def test_the_single_table_lets_through_its_customers_only() -> None:
    declared = read_declaration((EXAMPLES / "shop.toml").read_text())
    image = {
        "PK": {"S": [{"prefix": "CUSTOMER#"}]},
        "SK": {"S": [{"prefix": "ORDER#"}, "PROFILE"]},
    }
    events = ["INSERT", "MODIFY", "REMOVE"]
    patterns = event_patterns(declared.tallies)
    assert [json.loads(pattern) for pattern in patterns] == [
        {"eventName": events, "dynamodb": {"NewImage": image}},
        {"eventName": events, "dynamodb": {"OldImage": image}},
    ]
    order = {"PK": "CUSTOMER#ann", "SK": "ORDER#1"}
    assert passes(patterns, record_of(Change(order, None)))
    assert not passes(patterns, record_of(Change(None, {"PK": "PRODUCT#a", "SK": "PRICE"})))


def test_what_a_filter_cannot_compare_lets_everything_through() -> None:
    tallies = [
        Tally(name="t", group_by="g", measures={"n": Count()}, where=where)
        for where in (
            {"a": 1},
            {"a": ["x", 1]},
            {"a": {"exists": False}},
            {"a": {"not": "x"}},
            {"a": {"at_least": "x"}},
            {Value("a", ("b",)): "x"},
            {"a": ["x" * 2000, "y" * 2100]},
        )
    ]
    for tally in tallies:
        (pattern,) = event_patterns([tally])
        assert json.loads(pattern) == {"eventName": ["INSERT", "MODIFY", "REMOVE"]}
        assert len(pattern) <= MAX_PATTERN
    assert json.loads(event_patterns([FAVORITES])[0]) == {"eventName": ["INSERT", "REMOVE"]}


def test_booleans_and_keys_after_a_prefix_are_compared_whole() -> None:
    tally = Tally(
        name="t",
        group_by="g",
        measures={"n": Count()},
        where={Value("PK", after="A#"): ["x", "y"], "live": True},
    )
    image = json.loads(event_patterns([tally])[0])["dynamodb"]["NewImage"]
    assert image == {"PK": {"S": ["A#x", "A#y"]}, "live": {"BOOL": [True]}}
