"""Pages of other origins: which may read the answers and send marks (the Fetch standard's CORS)."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from tallies.core.errors import InvalidInput, shown
from tallies.http.service.methods import METHODS

REQUEST_HEADERS = ("Authorization", "Content-Type", "If-None-Match")
ANSWER_HEADERS = ("Allow", "ETag", "Retry-After", "WWW-Authenticate")
"""Those beyond the few that scripts of another origin may always read."""

PREFLIGHT_SECONDS = 600
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_origin(text: str) -> str:
    """Return `text` if it is an origin as browsers write it.

    Raises:
        InvalidInput: no browser would ever send it.
    """
    fault = (
        f"{shown(text)} is no origin; give one as browsers send it, like https://app.example.org"
    )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput(f"{fault}.") from None
    if parts.scheme not in _DEFAULT_PORTS or not re.fullmatch(r"[a-z0-9.:-]+", host):
        raise InvalidInput(f"{fault}.")
    host = f"[{host}]" if ":" in host else host
    tail = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    if text != (sent := f"{parts.scheme}://{host}{tail}"):
        raise InvalidInput(f"{shown(text)} is no origin; browsers send {sent} from there.")
    return text


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins use the app. Without credentials: tokens travel in a header.

    Raises:
        InvalidInput: one of them is no origin.
    """
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[check_origin(origin) for origin in origins],
        allow_methods=["HEAD", *METHODS],
        allow_headers=REQUEST_HEADERS,
        expose_headers=ANSWER_HEADERS,
        max_age=PREFLIGHT_SECONDS,
    )
