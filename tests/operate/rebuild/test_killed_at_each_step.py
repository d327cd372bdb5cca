"""A rebuild that dies at its first request, at its second, and so on to its last; then at each of
its statements, on the embedded store. Run again, it mends the rest, and nothing twice.

A process that is killed lets go of its files and connections; so does who dies here.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.httpsession import URLLib3Session

from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.dynamodb.snapshot.read import scan
from tallies.stores.sqlite.snapshot import mend
from tests.conformance.backend import Backend
from tests.conformance.test_dynamodb import DynamoBackend
from tests.conformance.test_sqlite import SqliteBackend
from tests.engines import DynamoDBAccount
from tests.length import stride

DRIFTED = 7


class Killed(BaseException):
    """Nothing catches it."""


class Countdown:
    """Dies at step `last`, before it is done or right after."""

    def __init__(self, last: int, *, after: bool) -> None:
        self.left = last
        self.after = after

    @contextmanager
    def step(self) -> Iterator[None]:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        yield
        if self.left == 0:
            raise Killed


Mortality = Callable[[Countdown], AbstractContextManager[None]]


@contextmanager
def mortal_requests(countdown: Countdown) -> Iterator[None]:
    """Both clients of the store send by this."""
    send = URLLib3Session.send

    def counted(session: URLLib3Session, request: Any) -> Any:
        with countdown.step():
            return send(session, request)

    # One segment: with more of them side by side the numbers of the steps would mean nothing.
    with patch.object(URLLib3Session, "send", counted), patch.object(scan, "SEGMENTS", 1):
        yield


@contextmanager
def mortal_statements(countdown: Countdown) -> Iterator[None]:
    class Mortal(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            if sql == "ROLLBACK":  # this is what the file does by itself
                return super().execute(sql, parameters)
            with countdown.step():
                return super().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
            with countdown.step():
                return super().executemany(sql, parameters)

    with (
        patch.object(sqlite3, "connect", partial(sqlite3.connect, factory=Mortal)),
        patch.object(mend, "ROWS_AT_A_TIME", 3),
    ):
        yield


def drift(backend: Backend, number: int) -> None:
    """Rows that differ, and records on their way, for one more round."""
    for restaurant in range(DRIFTED):
        backend.plant(f"r{restaurant}", "all", 100 + number)
    backend.store.mark(f"v{number}", "r1")
    backend.step(1)
    backend.store.mark(f"w{number}", "r2")


def live_through(
    backend: Backend, rebuild: Callable[[], object], mortal: Mortality, *, after: bool
) -> int:
    """Die at each step; how many there were."""
    for user in range(DRIFTED):
        backend.store.mark("u", f"r{user}")
    backend.settle()
    for number in count(1, stride()):
        drift(backend, number)
        assert len(backend.store.verify().drifted) >= DRIFTED - 1
        try:
            with mortal(Countdown(number, after=after)):
                rebuild()
        except Killed:
            rebuild()
        else:
            return number
        assert list(backend.store.verify().drifted) == []
        backend.settle()
        assert list(backend.store.verify().drifted) == []
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_dynamodb(aws_environment: DynamoDBAccount, tmp_path: Path, after: bool) -> None:
    backend = DynamoBackend(aws_environment)
    rebuild = partial(backend.store.rebuild, folder=tmp_path)
    assert live_through(backend, rebuild, mortal_requests, after=after) > 10


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_sqlite(tmp_path: Path, after: bool) -> None:
    backend = SqliteBackend(tmp_path)

    def rebuild() -> None:
        with SqliteFavorites(backend.store.path, clock=backend.clock) as store:
            store.rebuild()

    assert live_through(backend, rebuild, mortal_statements, after=after) > 20
