"""Metrics and health of a process that serves nothing else, over HTTP."""

import json
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

from tallies.core.errors import TalliesError

SILENT_SECONDS = 60.0
"""A worker without a whole turn for this long is not well. Its store may be out of reach, or a
thread may hang: a throttled minute is neither."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a worker does its work, for a supervisor that would start another in its place."""

    silent_seconds: float
    """Seconds since it last could do its work."""
    figures: Mapping[str, float | None]
    troubles: tuple[str, ...] = ()
    """What is wrong that another process would not mend either."""
    patience_seconds: float = SILENT_SECONDS
    """A worker that is silent for this long is not well."""

    def answer(self) -> tuple[HTTPStatus, Any]:
        """The status of the HTTP answer, and its content."""
        troubles = list(self.troubles)
        is_well = self.silent_seconds < self.patience_seconds
        if not is_well:
            troubles.insert(
                0, f"The worker could do nothing for {self.silent_seconds:.0f} s; its log says why."
            )
        body = {"status": "ok" if is_well else "silent", **self.figures}
        status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
        return status, body | ({"troubles": troubles} if troubles else {})


def expose(registry: CollectorRegistry, health: Callable[[], Health], host: str, port: int) -> str:
    """Answer /health, and Prometheus, from a thread of its own; returns the URL of the metrics.

    Raises:
        OSError: the port is taken, or the address is not one of this machine.
    """
    kind = _Server6 if ":" in host else _Server
    server = make_server(host, port, _application(registry, health), kind, _SilentHandler)
    Thread(target=server.serve_forever, name="tallies-metrics", daemon=True).start()
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{server.server_port}/metrics"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Log no request: they come every few seconds."""


def _application(registry: CollectorRegistry, health: Callable[[], Health]) -> WSGIApplication:
    metrics: WSGIApplication = make_wsgi_app(registry)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/health":
            return metrics(environ, start_response)
        try:
            status, body = health().answer()
        except TalliesError as error:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            body = {"status": "failing", "troubles": [str(error)]}
        content = json.dumps(body).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [content]

    return application
