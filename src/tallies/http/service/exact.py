"""JSON with exact numbers: decimals digit by digit, where `json` knows only floats."""

from decimal import Decimal
from typing import Any

import simplejson
from starlette.responses import Response

from tallies.core.tally import Number


def as_json(content: Any) -> str:
    """The content as JSON on one line."""
    return simplejson.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def plain(number: Number) -> Number:
    """A number as people write it: no trailing zeros in its decimals, and no exponent."""
    if isinstance(number, int):
        return number
    whole = number.to_integral_value()
    return int(whole) if number == whole else Decimal(f"{number:f}".rstrip("0"))


class ExactResponse(Response):
    """An answer that no cache may keep."""

    media_type = "application/json"

    def __init__(self, content: Any, status: int = 200) -> None:
        super().__init__(content, status, {"Cache-Control": "no-store"})

    def render(self, content: Any) -> bytes:
        """The content as JSON."""
        return as_json(content).encode()
