"""The OpenAPI document is true: what it allows is accepted, what it forbids is refused, and every
answer is one that it names. Schemathesis makes the requests out of the document alone, one by one
and in sequences, and makes all of its checks."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import jwt
import pytest
import schemathesis.engine
from fastapi.testclient import TestClient
from hypothesis import example, given
from hypothesis import strategies as st
from schemathesis import Case, HookContext
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events
from schemathesis.engine.run import PhaseName
from schemathesis.specs.openapi.coverage._schema import CoverageContext
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import UnknownWindow
from tallies.core.ids import MAX_ID_BYTES
from tallies.core.naming import MAX_POINTS
from tallies.core.windows import Window, parse_window, windows_between
from tallies.favorites.http import Auth, JwtAuth, NoAuth, create_app
from tallies.favorites.http.schemas import MAX_NOTE_BYTES
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.favorites.tally import FAVORITES
from tallies.http.questions.descriptions import WINDOW_PATTERNS
from tallies.http.questions.parameters import MAX_IDS
from tests.http.conftest import NAMES
from tests.length import at_length

SECRET = "a secret of at least thirty-two bytes, long enough"
USER = "ann"
EXAMPLES = at_length(8, least=3)
REFUSED = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
LENGTHS = {"day": len("2026-11-23"), "month": len("2026-11")}
WINDOW = re.compile("|".join(WINDOW_PATTERNS.values()) + "|month|day")
SAYS_NOTHING_OF_THE_ELEMENTS = {"title", "description", "examples", "minItems", "maxItems"}
PHASES = {PhaseName.COVERAGE, PhaseName.FUZZING, PhaseName.STATEFUL_TESTING}


def the_first_moment() -> datetime:
    """So that any timestamp that the document allows is still to come."""
    return datetime(1, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["none", "jwt"])
def auth(request: pytest.FixtureRequest) -> Auth:
    return NoAuth() if request.param == "none" else JwtAuth(secret=SECRET)


@pytest.fixture(scope="module", autouse=True)
def _draw_long_lists_once() -> Iterator[None]:
    """The elements of a list of a thousand take a second to draw; lists that differ in their titles
    alone, and the next test, get the same ones, as one list that is asked for again does."""
    draw = CoverageContext._distinct_array
    drawn: dict[str, list[Any]] = {}

    def distinct(context: CoverageContext, schema: dict[str, Any], length: int) -> list[Any]:
        key = json.dumps({k: v for k, v in schema.items() if k not in SAYS_NOTHING_OF_THE_ELEMENTS})
        if len(drawn.get(key, [])) < length:
            drawn[key] = draw(context, schema, length)
        return deepcopy(drawn[key][:length])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CoverageContext, "_distinct_array", distinct)
        yield


@pytest.fixture
def api(auth: Auth, tmp_path: Path) -> Iterator[OpenApiSchema]:
    settings: dict[str, Any] = {
        "seed": 20261123,
        "generation": {"max-examples": EXAMPLES, "database": "none"},
        # a body that is too large is refused before it is read whole
        "checks": {"negative_data_rejection": {"expected-statuses": REFUSED}},
        "max-stream-events": 2,  # live events never end: a leaderboard and the lag come at once
    }
    if auth.required:
        token = jwt.encode({"sub": USER, "exp": int(time.time()) + 3600}, SECRET, "HS256")
        settings["headers"] = {"Authorization": f"Bearer {token}"}
    config = SchemathesisConfig.from_dict(settings)
    with SqliteFavorites(tmp_path / "s.db", clock=the_first_moment) as store:
        store.init()
        app = create_app(store, auth=auth, names=NAMES, clock=the_first_moment)
        schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)

        @schemathesis.hook
        def before_call(_: HookContext, case: Case[Any], __: dict[str, Any]) -> None:
            if case.meta is not None and case.meta.generation.mode.is_positive:
                fit_together(case)
                if auth.required and "user_id" in case.path_parameters:
                    case.path_parameters["user_id"] = USER

        yield schema
        schemathesis.hooks.unregister(before_call)


def fit_together(case: Case[Any]) -> None:
    """Take out of a request what the document allows in words only."""
    # JSON Schema counts characters, not bytes;
    for name, value in case.path_parameters.items():
        case.path_parameters[name] = cut(value)
    for name in {"id", "group"} & set(case.query):
        # (of what an answer before this request held, there may be more than a query takes)
        case.query[name] = shorter(case.query[name])[:MAX_IDS]
    if isinstance(case.body, dict):
        for name in {"ids", "among", "groups"} & set(case.body):
            case.body[name] = shorter(case.body[name])
        if isinstance(note := case.body.get("note"), str):
            case.body["note"] = note.encode()[:MAX_NOTE_BYTES].decode(errors="ignore")
        if str(case.body.get("expires_at")).startswith("0001-01-0"):  # or before it, by the zone
            del case.body["expires_at"]
    # it cannot say which cursors have been given out;
    case.query.pop("cursor", None)
    # it cannot compare the ends of a span, and the clock stands at the calendar's beginning;
    if not WINDOW.fullmatch(case.path_parameters.get("window", "all")):
        case.path_parameters["window"] = "all"
    # and it knows nothing of several parameters together.
    if "from" in case.query and not is_span(case.query):
        del case.query["from"]
    if len(case.query.get("to", "")) not in (0, LENGTHS[case.query.get("by", "day")]):
        del case.query["to"]


def cut(text: str) -> str:
    """At most as many bytes as an id may have."""
    return text.encode()[:MAX_ID_BYTES].decode(errors="ignore")


def shorter(items: Any) -> list[Any]:
    """The items of a list, or of the lists in it, cut; each once if that made some alike."""
    each = [cut(item) if isinstance(item, str) else shorter(item) for item in items]
    return [item for at, item in enumerate(each) if item not in each[:at]]


def is_span(query: Mapping[str, str]) -> bool:
    """Whether a history can be asked for from here to there."""
    first, last, kind = query["from"], query.get("to", ""), query.get("by", "day")
    if not len(first) == len(last) == LENGTHS[kind]:
        return False
    names = islice(windows_between(parse_window(first), parse_window(last)), MAX_POINTS + 1)
    return 1 <= len(list(names)) <= MAX_POINTS


@pytest.mark.slow
def test_the_document_is_true(api: OpenApiSchema) -> None:
    failures = []
    done = set()
    for event in schemathesis.engine.from_schema(api).execute():
        match event:
            case events.ScenarioFinished():
                failures += [
                    f"{event.phase} {check.name}: {found.failure}\n{found.code_sample}"
                    for checks in event.recorder.checks.values()
                    for check in checks
                    if (found := check.failure_info) is not None
                ]
            case events.NonFatalError():
                failures.append(f"{event.label}: {event.value!r}")
            case events.FatalError():
                failures.append(repr(event.exception))
            case events.PhaseFinished(status=Status.SUCCESS):
                done.add(event.phase.name)
    assert not failures, "\n\n".join(failures)
    assert done >= PHASES


def follows(pattern: str, name: str) -> bool:
    return re.fullmatch(pattern, name, re.ASCII) is not None


@given(
    st.one_of(
        st.sampled_from(Window).flatmap(lambda kind: st.from_regex(WINDOW_PATTERNS[kind])),
        st.dates().map(str),
        st.from_regex("[0-9]{4}-[0-9]{2}(-[0-9]{2}(T[0-9]{2})?)?", fullmatch=True),
        st.from_regex("[0-9]{4}(-W[0-9]{2})?", fullmatch=True),
    )
)
@example("2000-02-29")
@example("1900-02-29")
@example("0000")
@example("0000-02-29")
@example("9999-12-31T23")
def test_windows_are_described_as_they_are_read(name: str) -> None:
    try:
        kind = parse_window(name).kind
    except UnknownWindow:
        kind = None
    for described, pattern in WINDOW_PATTERNS.items():
        if "W53" not in name:  # which not every year has
            assert follows(pattern, name) == (described == kind)


def test_the_document_follows_the_declaration(tmp_path: Path) -> None:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        client = TestClient(create_app(store, auth=NoAuth()))
        for ranked in ((Window.ALL, Window.DAY), (Window.ALL,)):
            store.rebuild(Declaration([replace(FAVORITES, ranked=ranked)]))
            paths = client.get("/openapi.json").json()["paths"]
            (window,) = [
                one
                for one in paths["/leaderboards/{window}"]["get"]["parameters"]
                if one["name"] == "window"
            ]
            for name, kind in {
                "all": Window.ALL,
                "day": Window.DAY,
                "2082-11-23": Window.DAY,
            }.items():
                assert bool(re.search(window["schema"]["pattern"], name)) == (kind in ranked)
