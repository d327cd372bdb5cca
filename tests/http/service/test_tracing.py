"""Spans of requests: one each, by route, with no ids, as part of the caller's trace."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tallies.favorites.http import NoAuth, create_app
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.http.app import create_app as create_app_of_any_table
from tallies.runtimes.tracing import HIDDEN, provider_to

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(params=["", "/eat"])
def traced(
    request: pytest.FixtureRequest, store: SqliteFavorites, spans: InMemorySpanExporter
) -> Iterator[TestClient]:
    provider = provider_to(SimpleSpanProcessor(spans))
    app = create_app(
        store, auth=NoAuth(), root_path=request.param, tracer_provider=provider, names={}
    )
    client = TestClient(
        app, base_url=f"http://testserver{request.param}", raise_server_exceptions=False
    )
    with client:
        yield client
    provider.shutdown()


def the_span(spans: InMemorySpanExporter) -> ReadableSpan:
    (span,) = spans.get_finished_spans()
    return span


def test_a_request_is_one_span_with_its_route_and_no_ids(
    traced: TestClient, spans: InMemorySpanExporter
) -> None:
    answer = traced.put("/users/ann-of-mars/favorites/noodles")
    assert answer.status_code == 201
    span = the_span(spans)
    route = "/users/{user_id}/favorites/{restaurant_id}"
    assert span.name.startswith("PUT ")
    assert span.name.endswith(route)
    assert span.kind is SpanKind.SERVER
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 201
    assert span.attributes["url.path"] == HIDDEN
    assert str(span.attributes["http.route"]).endswith(route)
    assert "mars" not in span.to_json()


def test_a_query_is_hidden(traced: TestClient, spans: InMemorySpanExporter) -> None:
    assert traced.get("/users/ann-of-mars/favorites?id=noodles-of-mars").status_code == 200
    assert "mars" not in the_span(spans).to_json()


def test_it_is_part_of_the_callers_trace(traced: TestClient, spans: InMemorySpanExporter) -> None:
    traced.get("/leaderboards/all", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
    span = the_span(spans)
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == CALLER


def test_what_machines_ask_every_second_is_not_traced(
    traced: TestClient, spans: InMemorySpanExporter
) -> None:
    assert traced.get("/health").status_code == 200
    assert traced.get("/metrics").status_code == 200
    assert spans.get_finished_spans() == ()


def test_a_failed_request_is_marked_and_a_wrong_one_is_not(
    traced: TestClient,
    spans: InMemorySpanExporter,
    store: SqliteFavorites,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert traced.get("/leaderboards/nope").status_code == 400
    assert the_span(spans).status.status_code is StatusCode.UNSET
    spans.clear()

    def breaks(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(store, "tally", breaks)
    assert traced.get("/restaurants/noodles/tally").status_code == 500
    span = the_span(spans)
    assert span.status.status_code is StatusCode.ERROR
    assert "secret" not in span.to_json()


def test_the_tallies_of_any_table(store: SqliteFavorites, spans: InMemorySpanExporter) -> None:
    provider = provider_to(SimpleSpanProcessor(spans))
    with TestClient(create_app_of_any_table(store, tracer_provider=provider)) as client:
        name = client.get("/tallies").json()["items"][0]["name"]
        spans.clear()
        client.get(f"/tallies/{name}/tally?group=noodles-of-mars")
    assert the_span(spans).name == "GET /tallies/{name}/tally"
    assert "mars" not in the_span(spans).to_json()


def test_without_a_provider_there_are_none(
    store: SqliteFavorites, spans: InMemorySpanExporter
) -> None:
    with TestClient(create_app(store, auth=NoAuth())) as client:
        client.get("/leaderboards/all")
    assert spans.get_finished_spans() == ()
