"""GET of a board whose reader has it already: If-None-Match, beside the same without it.

Without it, twice: a page that nobody has asked for yet is read from the store; a page that the
process remembers costs little more than the 304 does, which is told.
"""

from collections.abc import Iterator

from benchmarks.harness.board_rows import board_rows, fill_sqlite
from benchmarks.harness.http_client import Client
from benchmarks.harness.measure import one_by_one
from benchmarks.harness.processes import server
from benchmarks.harness.result import Bound, Result, Run

GROUPS = 10_000
SHORT = 100
_BOARD = "/leaderboards/all?limit={limit}"
_UNREAD = "/leaderboards/all?limit={limit}&offset={offset}"


def run(run: Run) -> Iterator[Result]:
    """Judged as a reader meets it: what a first look costs, and what each further look does."""
    path = run.folder / "boards.db"
    fill_sqlite(path, board_rows(GROUPS))
    with server(["-m", "tallies", "serve", "--port", "0", "--store", f"sqlite:///{path}"]) as at:
        client = Client(at)
        for limit in (SHORT, 1_000):
            board = _BOARD.format(limit=limit)
            client.request("GET", board, 200)
            known = {"If-None-Match": client.headers["ETag"]}
            for name, bound, first in (
                # Of a short page, most of the time is the server's own, on both sides.
                ("read from the store", Bound("<=", 0.5) if limit > SHORT else None, True),
                ("from memory", None, False),
            ):
                offsets = iter(range(GROUPS))

                def again() -> object:
                    return client.request("GET", board, 304, headers=known)  # noqa: B023 # measured at once

                def without() -> object:
                    unread = _UNREAD.format(limit=limit, offset=next(offsets))  # noqa: B023 # as above
                    return client.request("GET", unread if first else board, 200)  # noqa: B023 # as above

                (found,) = one_by_one(run.pick(7, 3), run.pick(200, 100), again, without, (0.5,))
                yield Result(
                    what=f"GET of a board of {limit:,} with If-None-Match, p50",
                    unit="ms",
                    ours=found.ours * 1e3,
                    peer_name=name,
                    peer=found.peer * 1e3,
                    ratio=found.ratio,
                    bound=bound,
                )
