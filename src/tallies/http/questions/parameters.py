"""Parameters that several routes have."""

from typing import Annotated, Any

from fastapi import Query
from pydantic.json_schema import SkipJsonSchema

from tallies.http.questions.descriptions import CURSOR
from tallies.stores.protocol import MAX_OFFSET, MAX_PAGE

MAX_IDS = 100
"""The most ids in one query; a body holds more."""

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
LiveLimit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Leave out so many lines.")]
Cursor = Annotated[
    str | SkipJsonSchema[None],
    Query(max_length=8192, description="`next` of the page before.", json_schema_extra=CURSOR),
]


def live_documented() -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of live events."""
    return {
        200: {
            "content": {"text/event-stream": {}},
            "description": "A leaderboard whenever it changes; events `status` tell the lag.",
        }
    }
