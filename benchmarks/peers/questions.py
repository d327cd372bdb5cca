"""Many groups at once, and the place of one among a million: beside Redis and PostgreSQL.

Redis keeps the number of lines before each line with it, so that it knows a place without
counting; the other two count the lines of the board. Redis breaks ties the other way round.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from benchmarks.harness.board_rows import DAY, MONTH, board_rows
from benchmarks.harness.http_client import Client
from benchmarks.harness.measure import one_by_one
from benchmarks.harness.processes import server
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.peers.peer import Missing, Peer
from benchmarks.peers.postgres import postgres
from benchmarks.peers.redis import redis
from benchmarks.peers.sqlite import Embedded
from tallies.favorites.on_sqlite import SqliteFavorites

WINDOWS = ("all", MONTH, DAY)
GROUPS = 100
_THEIRS = ("Redis everysec", "PostgreSQL async commit")


def run(run: Run) -> Iterator[Result]:
    """The same rows are in all of them."""
    groups = run.pick(1_000_000, 100_000, usual=200_000)
    with ExitStack() as stack:
        store = stack.enter_context(SqliteFavorites(run.folder / "ours.db"))
        store.init()
        ours = Embedded(store)
        peers: dict[str, Peer] = {}
        for start in (redis, postgres):
            try:
                peers |= stack.enter_context(start(run.folder))
            except Missing as absent:
                run.note(str(absent))
        peers = {name: peers[name] for name in _THEIRS if name in peers}
        for peer in (ours, *peers.values()):
            peer.fill(row for row in board_rows(groups) if row.window in WINDOWS)
        yield _many_by_http(run, groups, store.url)
        yield from _many(run, groups, ours, peers)
        yield from _places(run, groups, ours, peers)


def _many_by_http(run: Run, groups: int, url: str) -> Result:
    """As a feed asks. `POST`, because the answers of `GET` are remembered."""
    with server(["-m", "tallies", "serve", "--port", "0", "--store", url]) as at:
        client = Client(at)

        def ask(wanted: Sequence[str]) -> object:
            content = {"ids": wanted, "windows": WINDOWS}
            return client.request("POST", "/restaurants/tallies", 200, content=content)

        wanted = _some(groups)
        calls, rounds = run.pick(200, 50), run.pick(9, 5)
        (found,) = one_by_one(rounds, calls, lambda: ask(wanted), lambda: ask(wanted[:1]), (0.5,))
    return Result(
        what=f"{GROUPS} groups of {groups:,} in {len(WINDOWS)} windows through HTTP, p50",
        unit="ms",
        ours=found.ours * 1e3,
        peer_name="one group",
        peer=found.peer * 1e3,
        ratio=found.ratio,
        bound=Bound("<=", 3.0),
    )


def _some(groups: int) -> list[str]:
    return [f"restaurant-{number:07d}" for number in range(0, groups, groups // GROUPS)]


def _many(run: Run, groups: int, ours: Peer, peers: dict[str, Peer]) -> Iterator[Result]:
    wanted = _some(groups)
    calls, rounds = run.pick(200, 50), run.pick(9, 5)

    def one_group() -> object:
        return ours.many(wanted[:1], WINDOWS)

    def all_of_them() -> object:
        return ours.many(wanted, WINDOWS)

    (found,) = one_by_one(rounds, calls, all_of_them, one_group, (0.5,))
    what = f"{GROUPS} groups of {groups:,} in {len(WINDOWS)} windows, p50"
    yield Result(
        what=what,
        unit="µs",
        ours=found.ours * 1e6,
        peer_name="one group",
        peer=found.peer * 1e6,
        ratio=found.ratio,
    )
    for name, peer in peers.items():
        assert peer.many(wanted, WINDOWS) == ours.many(wanted, WINDOWS), "the counts differ"
        (found,) = one_by_one(
            rounds,
            calls,
            all_of_them,
            lambda: peer.many(wanted, WINDOWS),  # noqa: B023 # measured at once
            (0.5,),
        )
        yield Result(
            what=what,
            unit="µs",
            ours=found.ours * 1e6,
            peer_name=name,
            peer=found.peer * 1e6,
            ratio=found.ratio,
        )


def _places(run: Run, groups: int, ours: Peer, peers: dict[str, Peer]) -> Iterator[Result]:
    group = f"restaurant-{groups // 2:07d}"
    own = ours.place(group)
    assert own.of == groups
    for name, peer in peers.items():
        place = peer.place(group)
        assert place == own or (name.startswith("Redis") and place.of == own.of), "places differ"
        (found,) = one_by_one(
            run.pick(7, 3),
            run.pick(20, 10),
            lambda: ours.place(group),
            lambda: peer.place(group),  # noqa: B023 # measured at once
            (0.5,),
        )
        yield Result(
            what=f"place of one among {groups:,} groups, p50",
            unit="ms",
            ours=found.ours * 1e3,
            peer_name=name,
            peer=found.peer * 1e3,
            ratio=found.ratio,
            bound=Bound("<=", 50.0, of="ours"),
        )
