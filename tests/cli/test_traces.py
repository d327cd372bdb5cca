"""`--traces`: what a collector gets, and what happens without one."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.cli.command import tallies
from tests.cli.test_services import running
from tests.length import in_full
from tests.web import WEB

BLOCKED = "import sys; sys.modules['opentelemetry.sdk'] = None"
"""As if the packages of the extra were not there."""
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens on the port `discard`."""
IMPATIENT = {} if in_full() else {"OTEL_EXPORTER_OTLP_TIMEOUT": "2"}
"""Seconds until the exporter gives up; ten by itself."""


@dataclass
class Collector:
    """One that keeps what it is sent."""

    url: str = ""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)

    def names(self) -> list[str]:
        return [
            span.name
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def services(self) -> set[str]:
        return {
            attribute.value.string_value
            for request in self.requests
            for resource in request.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            content = self.rfile.read(int(self.headers["Content-Length"]))
            collector.requests.append(ExportTraceServiceRequest.FromString(content))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        collector.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def test_a_collector_gets_requests_folds_and_commits(tmp_path: Path) -> None:
    with collecting() as collector:
        with running(
            *("serve", "--traces", "--store", f"sqlite:///{tmp_path}/s.db"),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        ) as service:
            WEB.put(f"{service.url}/users/ann/favorites/noodles").raise_for_status()
            assert service.stop() == (0, "")
        # All of it is sent before the process ends, what it did last too.
        assert sorted(collector.names()) == [
            *("PUT /users/{user_id}/favorites/{restaurant_id}", "apply batch", "commit", "fold"),
        ]
        assert collector.services() == {"tallies-serve"}


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_SERVICE_NAME": "eat"}, {"OTEL_RESOURCE_ATTRIBUTES": "service.name=eat"}],
    ids=lambda variables: next(iter(variables)),
)
def test_the_service_may_have_another_name(tmp_path: Path, variables: dict[str, str]) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    log = tmp_path / "log.csv"
    log.write_text("user_id,restaurant_id,created_at\nann,noodles,2026-11-01T00:00:00Z\n")
    assert tallies("load", "--no-wait", log, store=store).code == 0
    with collecting() as collector:
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        ran = tallies("worker", "--once", "--traces", store=store, **variables)
        assert ran.code == 0, ran.err
        assert sorted(collector.names()) == ["apply batch", "commit", "fold"]
        assert collector.services() == {"eat"}


@pytest.mark.slow
def test_without_a_collector_it_serves_says_so_and_ends_soon(tmp_path: Path) -> None:
    with running(
        *("serve", "--traces", "--store", f"sqlite:///{tmp_path}/s.db"),
        OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE,
        **IMPATIENT,
    ) as service:
        WEB.put(f"{service.url}/users/ann/favorites/noodles").raise_for_status()
        began = monotonic()
        code, said = service.stop(signal.SIGTERM)
        assert code == 0
        assert monotonic() - began < 60
        assert "Traceback" not in said
        assert "127.0.0.1" in said


@pytest.mark.parametrize("endpoint", ["nonsense", "127.0.0.1:4318", "http://", "http://a:b"])
def test_an_endpoint_that_is_none(tmp_path: Path, endpoint: str) -> None:
    ran = tallies(
        *("serve", "--traces", "--port", "0"),
        store=f"sqlite:///{tmp_path}/s.db",
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
    )
    assert ran.code == 2
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.slow
def test_without_the_extra(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    store = f"sqlite:///{tmp_path}/s.db"
    assert tallies("init", store=store).code == 0
    for command in (["serve", "--port", "0"], ["worker", "--once"]):
        ran = tallies(*command, "--traces", store=store, PYTHONPATH=str(tmp_path))
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.endswith("pip install 'tallies[otel]'\n")
        assert ran.err.count("\n") == 1
    # And whoever does not ask for traces does not load it.
    assert tallies("worker", "--once", store=store, PYTHONPATH=str(tmp_path)).code == 0
    with running("serve", "--store", store, PYTHONPATH=str(tmp_path)) as service:
        WEB.put(f"{service.url}/users/ann/favorites/noodles").raise_for_status()
        assert service.stop() == (0, "")
