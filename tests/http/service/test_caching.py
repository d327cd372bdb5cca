"""Answers to all carry validators, and come out of memory while they cannot be others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from fastapi.testclient import TestClient

from tallies.core.errors import StoreUnavailable
from tallies.favorites.http import NoAuth, create_app
from tallies.http.service import caching
from tallies.http.service.caching import Memory
from tests.conformance.backend import ManualClock
from tests.http.conftest import NAMES, AnyStore, is_problem, settle

TO_ALL = [
    "/restaurants/noodles/tally",
    "/restaurants/noodles/history",
    "/leaderboards/all",
    "/names?id=noodles",
    "/restaurants?query=heron",
    "/cuisines",
]


@pytest.fixture
def remembering(store: AnyStore, clock: ManualClock) -> Iterator[TestClient]:
    """The service as it is served, with its second of memory."""
    with TestClient(create_app(store, auth=NoAuth(), names=NAMES, clock=clock)) as client:
        yield client


@pytest.fixture(scope="module")
def shared_remembering(shared_store: AnyStore) -> Iterator[TestClient]:
    """The same, over the store of the module."""
    app = create_app(shared_store, auth=NoAuth(), names=NAMES, clock=ManualClock())
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("path", TO_ALL)
def test_what_one_has_already_is_not_sent_again(shared_remembering: TestClient, path: str) -> None:
    first = shared_remembering.get(path)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    assert first.headers["cache-control"] == "public, max-age=1"
    assert shared_remembering.get(path).headers == first.headers
    for known in (etag, f"W/{etag}", "*", f'"another, one", {etag}', f'W/"x",{etag}'):
        for method in ("GET", "HEAD"):
            again = shared_remembering.request(method, path, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
            assert again.headers["cache-control"] == "public, max-age=1"
            assert "content-length" not in again.headers
    for known in ('"another"', "", etag.strip('"'), etag[:-2] + '"'):
        assert (
            shared_remembering.get(path, headers={"If-None-Match": known}).content == first.content
        )
    head = shared_remembering.head(path)
    assert (head.content, head.headers) == (b"", first.headers)


def test_validators_in_several_lines(remembering: TestClient) -> None:
    etag = remembering.get("/leaderboards/all").headers["etag"]
    lines = [("If-None-Match", '"one"'), ("If-None-Match", etag)]
    assert remembering.get("/leaderboards/all", headers=lines).status_code == 304


def test_another_content_has_another_etag(client: TestClient, store: AnyStore) -> None:
    before = {path: client.get(path).headers["etag"] for path in TO_ALL[:3]}
    client.put("/users/ann/favorites/noodles")
    settle(store)
    for path, etag in before.items():
        after = client.get(path, headers={"If-None-Match": etag})
        assert (after.status_code, after.headers["etag"] != etag) == (200, True)
    client.delete("/users/ann/favorites/noodles")
    settle(store)
    for path, etag in before.items():
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_what_is_somebodys_own_or_of_the_moment_is_not_for_caches(remembering: TestClient) -> None:
    remembering.put("/users/ann/favorites/noodles")
    for path in ("/health", "/metrics"):
        assert not {"etag", "cache-control"} & set(remembering.get(path).headers)
    own = [remembering.get(path) for path in (f"/users/ann/favorites{x}" for x in ("/noodles", ""))]
    own.append(remembering.put("/users/ann/favorites/noodles"))
    own.append(remembering.get("/users/ann/favorites/nope"))
    for path in ("/leaderboards/nope", "/restaurants/noodles/history?from=x"):
        own.append(remembering.get(path, headers={"If-None-Match": "*"}))
        is_problem(own[-1], 400)
    for answer in own:
        assert (answer.headers.get("etag"), answer.headers["cache-control"]) == (None, "no-store")


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_where_the_store_tells_of_changes_none_is_missed(
    remembering: TestClient, store: AnyStore
) -> None:
    for count in range(1, 30):
        store.mark(f"u{count}", "noodles")
        settle(store)
        assert remembering.get(TO_ALL[0]).json()["windows"]["all"] == count
        assert remembering.get(TO_ALL[2]).json()["items"][0]["favorites"] == count


def test_the_day_changes_at_midnight(remembering: TestClient, clock: ManualClock) -> None:
    assert remembering.get("/leaderboards/day").json()["window"] == "2082-11-23"
    clock.move(hours=12)
    assert remembering.get("/leaderboards/day").json()["window"] == "2082-11-24"


class Reads:
    """A content that says how often it was read."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> object:
        self.number += 1
        return {"number": self.number}


def test_where_the_store_cannot_tell_memory_lasts_a_second() -> None:
    now, read = 0.0, Reads()
    memory = Memory(lambda: None, clock=lambda: now)
    first = memory.answer("a", read)
    now = 0.999
    assert memory.answer("a", read) is first
    assert memory.answer("b", read) is not first
    now = 1.0
    assert memory.answer("a", read).body == b'{"number":3}'


def test_where_the_store_tells_memory_lasts_as_long_as_the_version() -> None:
    version, read = 1, Reads()
    memory = Memory(lambda: version, clock=lambda: 0.0)
    first = memory.answer("a", read)
    assert memory.answer("a", read) is first
    version = 2
    assert memory.answer("a", read).body == b'{"number":2}'


def test_a_change_while_it_is_read_is_not_lost() -> None:
    version = 1

    def read() -> object:
        nonlocal version
        version += 1  # as if it had changed right after the reading
        return version - 1

    memory = Memory(lambda: version, clock=lambda: 0.0)
    assert [memory.answer("a", read).body for _ in range(3)] == [b"1", b"2", b"3"]


def test_those_who_ask_together_are_answered_by_one_reading() -> None:
    begun, go_on, read = Event(), Event(), Reads()

    def slow() -> object:
        begun.set()
        assert go_on.wait(60)
        return read()

    asked = Barrier(9)

    def ask() -> bytes:
        asked.wait(60)
        return memory.answer("a", slow).body

    memory = Memory(lambda: None, clock=lambda: 0.0)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(memory.answer, "a", slow)
        assert begun.wait(60)
        others = [threads.submit(ask) for _ in range(8)]
        asked.wait(60)
        go_on.set()
        assert {first.result(20).body, *(other.result(20) for other in others)} == {b'{"number":1}'}


def test_a_failure_is_not_remembered() -> None:
    def fails() -> object:
        raise StoreUnavailable("busy")

    memory = Memory(lambda: None, clock=lambda: 0.0)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            memory.answer("a", fails)
    assert memory.answer("a", lambda: 1).body == b"1"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "MEMORY_BYTES", 100_000)
    version = 0
    memory = Memory(lambda: version, clock=lambda: 0.0)
    for number in range(1000):
        version = number // 100  # some are read anew, some are new
        memory.answer(number % 70, lambda: "x" * 5_000)
        held = [one.answer.result() for one in memory._held.values()]
        assert memory._bytes == sum(caching._size(answer) for answer in held) <= 100_000
    memory.answer("large", lambda: "x" * 200_000)
    assert (memory._bytes, len(memory._held)) == (0, 0)
