"""A page of 100 restaurants by favorites: as fast among many as among a thousand."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.harness.http_client import Client
from benchmarks.harness.measure import one_by_one
from benchmarks.harness.processes import server
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import LAST_DAY, user, zipf_restaurants
from tallies.core.times import canonical_time
from tallies.favorites.favorite import Event
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.protocol import MAX_PAGE, Ranked

SMALL = 1_000
PAGE = 100
_FLAT = Bound("<=", 1.5)
_PAGES = {"first page": 0.0, "middle page": 0.5}
"""How far down the list a page begins. From the middle on all restaurants tie."""

Read = Callable[[], object]


def run(run: Run) -> Iterator[Result]:
    """Through the store, then through HTTP."""
    large = run.pick(1_000_000, 100_000, usual=200_000)
    paths = {count: run.folder / f"{count}.db" for count in (SMALL, large)}
    for count, path in paths.items():
        _fill(path, count)
    with SqliteFavorites(paths[large]) as many, SqliteFavorites(paths[SMALL]) as few:
        for page, share in _PAGES.items():
            readers = (_reader(many, int(large * share)), _reader(few, int(SMALL * share)))
            yield _compare(run, f"store, {page}", large, *readers)
    with _serve(paths[large]) as many_at, _serve(paths[SMALL]) as few_at:
        for page, share in _PAGES.items():
            clients = (
                _client(many_at, int(large * share)),
                _client(few_at, int(SMALL * share)),
            )
            yield _compare(run, f"HTTP, {page}", large, *clients)


def _compare(run: Run, what: str, large: int, many: Read, few: Read) -> Result:
    (found,) = one_by_one(run.pick(9, 5), run.pick(200, 50), many, few, (0.5,))
    return Result(
        what=f"{PAGE} of {large:,} restaurants, {what}, p50",
        unit="ms",
        ours=found.ours * 1e3,
        peer_name=f"of {SMALL:,}",
        peer=found.peer * 1e3,
        ratio=found.ratio,
        bound=_FLAT,
    )


def _fill(path: Path, restaurants: int) -> None:
    """One mark for each restaurant and some more by popularity; then counted."""
    time = canonical_time(LAST_DAY)

    def events() -> Iterator[Event]:
        for number in range(restaurants):
            yield Event(user(0), f"restaurant-{number:07d}", time)
        for number, restaurant in enumerate(zipf_restaurants(restaurants // 5, restaurants), 1):
            yield Event(user(number), restaurant, time)

    with SqliteFavorites(path) as store:
        store.init()
        for _ in store.load(events()):
            pass
        aggregator = store.aggregator()
        while aggregator.step().records:
            pass


def _reader(store: SqliteFavorites, skip: int) -> Read:
    after: Ranked | None = None
    while skip > 0:
        after = store.leaderboard("all", min(skip, MAX_PAGE), after)[-1]
        skip -= MAX_PAGE
    assert len(store.leaderboard("all", PAGE, after)) == PAGE
    return lambda: store.leaderboard("all", PAGE, after)


def _serve(path: Path) -> AbstractContextManager[str]:
    return server(["-m", "tallies", "serve", "--port", "0", "--store", f"sqlite:///{path}"])


def _client(address: str, skip: int) -> Read:
    client = Client(address)

    def page(limit: int, cursor: str | None) -> str:
        query = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        return f"/leaderboards/all?{urlencode(query)}"

    cursor: str | None = None
    while skip > 0:
        found = json.loads(client.request("GET", page(min(skip, MAX_PAGE), cursor), 200))
        cursor = found["next"]
        skip -= MAX_PAGE
    path = page(PAGE, cursor)
    assert len(json.loads(client.request("GET", path, 200))["items"]) == PAGE
    return lambda: client.request("GET", path, 200)
