"""Answers that do not depend on who asks: validators for caches, and a second of memory.

A cache may keep them for a second and then ask again by the answer's ETag, which is strong and made
from the content. A process reads the answer to a repeated question once: it answers from memory as
long as the store says that nothing has changed, or, where a store cannot tell that for less than
the reading costs, for a second.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from hashlib import blake2b
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from fastapi import Request, Response

from tallies.http.service.exact import as_json

MAX_AGE_SECONDS = 1
REMEMBER_SECONDS = 1.0
MEMORY_BYTES = 16 * 1024 * 1024
ENTRY_BYTES = 2048  # of an entry beside its body, key and all

_TAG = re.compile(r'(?:W/)?("[^"]*")')  # for reading, weak and strong ones compare alike
_VALIDATORS = {
    "ETag": {"schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$'}, "required": True},
    "Cache-Control": {"schema": {"type": "string"}, "required": True},
}

REVALIDATED: dict[int | str, dict[str, Any]] = {
    200: {"headers": _VALIDATORS},
    304: {
        "description": "If-None-Match names what would be answered.",
        "headers": _VALIDATORS,
    },
}
"""The OpenAPI description of what `revalidated` answers."""


class Answer(NamedTuple):
    """A body, and what names its content."""

    body: bytes
    etag: str


def as_answer(content: object) -> Answer:
    """The content as JSON."""
    body = as_json(content).encode()
    return Answer(body, f'"{blake2b(body, digest_size=16).hexdigest()}"')


def revalidated(request: Request, answer: Answer, *, private: bool = False) -> Response:
    """The answer, or 304 for a client that has it already (RFC 9110, section 13.1.2).

    One that is `private` is kept by its reader only, not by a cache that others share.
    """
    whose = "private" if private else "public"
    headers = {"ETag": answer.etag, "Cache-Control": f"{whose}, max-age={MAX_AGE_SECONDS}"}
    known = ",".join(request.headers.getlist("if-none-match"))
    if known.strip() == "*" or answer.etag in _TAG.findall(known):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type="application/json")


class _Held(NamedTuple):
    since: float
    version: object
    answer: Future[Answer]
    """The answer to the first question; the same questions meanwhile wait for it."""


class Memory:
    """Answers of a moment ago, at most `MEMORY_BYTES` of them. May be used from many threads."""

    def __init__(
        self,
        version: Callable[[], object | None],
        *,
        seconds: float = REMEMBER_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`version` gives another value when answers may have changed; None: it cannot tell."""
        self._version = version
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._held: OrderedDict[Hashable, _Held] = OrderedDict()
        self._bytes = 0

    def answer(self, key: Hashable, read: Callable[[], object]) -> Answer:
        """The answer of this key; `read` gives its content where it is not in memory."""
        version = self._version()  # before reading: what is read is of this version or a later one
        now = self._clock()
        with self._lock:
            held = self._held.get(key)
            if held and held.version == version and now - held.since < self._seconds:
                mine = None
            else:
                self._drop(key)
                mine = held = _Held(now, version, Future())
                self._held[key] = held
        if mine is None:
            return held.answer.result()
        try:
            answer = as_answer(read())
        except BaseException as error:
            with self._lock:
                if self._held.get(key) is mine:
                    del self._held[key]
            mine.answer.set_exception(error)
            raise
        with self._lock:
            mine.answer.set_result(answer)
            if self._held.get(key) is mine:  # no other thread has read it anew meanwhile
                self._bytes += _size(answer)
            while self._bytes > MEMORY_BYTES:
                self._drop(next(iter(self._held)))
        return answer

    def _drop(self, key: Hashable) -> None:
        held = self._held.pop(key, None)
        if held is not None and held.answer.done():
            self._bytes -= _size(held.answer.result())


def _size(answer: Answer) -> int:
    return len(answer.body) + ENTRY_BYTES
