"""What the OpenAPI document says of ids, windows, cursors and times.

Patterns are as exact as JSON Schema allows; text beside them says what it cannot express: it counts
characters where ids are limited in bytes, and it cannot relate two parameters. They only describe.
The core checks, and answers in sentences instead of patterns.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from fastapi import FastAPI

from tallies.core.groups import MAX_GROUP_BYTES
from tallies.core.ids import MAX_ID_BYTES
from tallies.core.tally import Tally
from tallies.core.windows import Window
from tallies.http.service.problems import Problem

Schema = dict[str, Any]

_YEAR = r"(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_LEAP_YEAR = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_MONTH = r"(0[1-9]|1[0-2])"
_DAY = (
    r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_DATE = rf"({_YEAR}-{_DAY}|{_LEAP_YEAR}-02-29)"

WINDOW_PATTERNS = {
    Window.ALL: "all",
    Window.YEAR: _YEAR,
    Window.MONTH: f"{_YEAR}-{_MONTH}",
    Window.WEEK: f"{_YEAR}-W(0[1-9]|[1-4][0-9]|5[0-3])",
    Window.DAY: _DATE,
    Window.HOUR: f"{_DATE}T([01][0-9]|2[0-3])",
}
"""The names of one kind's windows. (Not every year has a week 53.)"""

_MADE_OF = {
    Window.YEAR: {Window.YEAR, Window.MONTH, Window.DAY, Window.HOUR},
    Window.MONTH: {Window.MONTH, Window.DAY, Window.HOUR},
    Window.WEEK: {Window.WEEK, Window.DAY, Window.HOUR},
    Window.DAY: {Window.DAY, Window.HOUR},
    Window.HOUR: {Window.HOUR},
}
"""The kinds of windows that make up a span between two windows of a kind."""

ID: Schema = {"minLength": 1, "maxLength": MAX_ID_BYTES, "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$"}
GROUP_VALUE: Schema = {**ID, "maxLength": MAX_GROUP_BYTES}
CURSOR: Schema = {"minLength": 1, "pattern": "^[A-Za-z0-9_-]+$"}
TIME: Schema = {"type": "string", "format": "date-time"}


def windows(kinds: Iterable[Window], *, current: bool) -> Schema:
    """Names of windows of these kinds; with `current`, also the word for the one that holds now."""
    return {"pattern": f"^({'|'.join(_names(kinds, current=current))})$"}


def _names(kinds: Iterable[Window], *, current: bool) -> list[str]:
    return [
        WINDOW_PATTERNS[kind] + (f"|{kind}" if current and kind is not Window.ALL else "")
        for kind in kinds
    ]


def spans(tallies: Iterable[Tally]) -> Schema:
    """Names of what has a leaderboard in one of the tallies: windows, the words for the current
    ones, and spans. (Not all ends go together, which a pattern cannot say.)"""
    names: dict[str, None] = {}
    for tally in tallies:
        names |= dict.fromkeys(_names(tally.ranked, current=True))
        if not tally.is_never_negative:
            continue
        for kind, finer in _MADE_OF.items():
            if finer.intersection(tally.ranked):
                names[rf"{WINDOW_PATTERNS[kind]}\.\.{WINDOW_PATTERNS[kind]}"] = None
        for kind in (Window.DAY, Window.HOUR):
            if _MADE_OF[kind].intersection(tally.ranked):
                names[f"last-[1-9][0-9]{{0,2}}-{kind}s?"] = None
        if Window.DAY in tally.ranked:
            names["trending(-([1-9][0-9]?|100)-days?)?"] = None
    return {"pattern": f"^({'|'.join(names)})$"}


def names(tallies: Sequence[Tally]) -> Schema:
    """The name of one of the tallies."""
    return {"enum": [of.name for of in tallies]}


def groups(tallies: Sequence[Tally]) -> Schema:
    """A group of one of the tallies, as its values."""
    sizes = [len(of.labels) for of in tallies]
    values = {"type": "string", **GROUP_VALUE}
    return {"minItems": min(sizes), "maxItems": max(sizes), "items": values}


def kept_windows(tallies: Sequence[Tally]) -> Schema:
    """A list of windows that one of the tallies keeps."""
    return {"items": {"type": "string", **windows(_kinds(tallies), current=True)}}


def dated_windows(tallies: Sequence[Tally]) -> Schema:
    """A window of a history."""
    return windows(_dated(tallies), current=False)


def dated_kinds(tallies: Sequence[Tally]) -> Schema:
    """A kind of windows that histories may go by."""
    return {"enum": _dated(tallies)}


def _kinds(tallies: Sequence[Tally]) -> list[Window]:
    return list(dict.fromkeys(kind for of in tallies for kind in of.windows))


def _dated(tallies: Sequence[Tally]) -> list[Window]:
    return [kind for kind in _kinds(tallies) if kind is not Window.ALL]


def describe(app: FastAPI, of: Callable[[], object]) -> None:
    """Make the document that the app serves: with our shape of errors in place of FastAPI's own,
    and made anew when what `of` gives (the tally, which says what is ranked) changes."""
    made = app.openapi
    described: object = None

    def openapi() -> Schema:
        nonlocal described
        if app.openapi_schema is None or of() != described:
            app.openapi_schema, described = None, of()
            schema = made()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for operation in _operations(schema):
                operation["responses"].pop("422", None)
                for parameter in operation.get("parameters", ()):
                    # The number of values that a query must have is known only when tallies are
                    # declared.
                    parameter["required"] |= parameter["schema"].get("minItems", 0) > 0
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way


def _operations(schema: Schema) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
        yield from path.values()
