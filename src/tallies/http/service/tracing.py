"""Spans of requests, which FastAPI makes itself when it is given a tracer provider."""

from typing import TYPE_CHECKING

from starlette.types import Scope

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig
    from opentelemetry.trace import TracerProvider

UNTRACED = ("/health", "/metrics")
"""Asked every few seconds, by machines."""


def telemetry(provider: "TracerProvider | None", root_path: str) -> "TelemetryConfig | None":
    """What FastAPI is to do: one span for each request. With None it behaves as by default."""
    if provider is None:
        return None

    def exclude(scope: Scope) -> bool:
        path: str = scope["path"]
        return path.removeprefix(root_path) in UNTRACED

    return {
        "tracer_provider": provider,
        "tracing": True,
        "operation_spans": False,  # of its inner steps
        "metrics": False,  # there are our own
        "logs": False,
        "auto_configure": False,
        "exclude": exclude,
    }
