"""Redis: sorted sets, changed by one script a mark, so that a mark is one round trip."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from benchmarks.harness.board_rows import BoardRow
from benchmarks.peers.peer import Missing, Peer, Place

START_SECONDS = 10.0
_AT_ONCE = 10_000

# A user's favorites by time; new ones count in three windows. The script runs alone, as a whole.
_MARK = """
if redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1]) == 1 then
  for window = 2, 4 do redis.call('ZINCRBY', KEYS[window], 1, ARGV[1]) end
end
"""


class _Redis:
    def __init__(self, client: Any) -> None:
        self._client = client
        self._script = client.register_script(_MARK)

    def mark(self, user_id: str, restaurant_id: str, created_at: str) -> None:
        day = created_at[:10]
        keys = [f"user:{user_id}", "board:all", f"board:{day[:7]}", f"board:{day}"]
        time = datetime.fromisoformat(created_at).timestamp()
        self._script(keys=keys, args=[restaurant_id, time])

    def settle(self) -> None:
        """The mark has counted already."""

    def top(self, limit: int) -> list[tuple[str, int]]:
        found = self._client.zrevrange("board:all", 0, limit - 1, withscores=True)
        return [(member.decode(), int(score)) for member, score in found]

    def fill(self, rows: Iterable[BoardRow]) -> None:
        self._client.flushall()
        pipe = self._client.pipeline(transaction=False)
        for row in rows:
            pipe.zadd(f"board:{row.window}", {row.group: row.amount})
            if len(pipe) == _AT_ONCE:
                pipe.execute()
        pipe.execute()
        # What is asked next is not to wait for the log, which is now written anew.
        while self._client.info("persistence")["aof_rewrite_in_progress"]:
            sleep(0.05)

    def many(self, groups: Sequence[str], windows: Sequence[str]) -> dict[str, list[int]]:
        pipe = self._client.pipeline(transaction=False)
        for window in windows:
            pipe.zmscore(f"board:{window}", groups)
        scores = zip(*pipe.execute(), strict=True)
        return {
            group: [int(score or 0) for score in its]
            for group, its in zip(groups, scores, strict=True)
        }

    def place(self, group: str) -> Place:
        pipe = self._client.pipeline(transaction=False)
        pipe.zrevrank("board:all", group).zcard("board:all")
        rank, of = pipe.execute()
        return Place(rank + 1, of)


@contextmanager
def redis(folder: Path) -> Iterator[dict[str, Peer]]:
    """A server of its own, on a socket in a folder of its own, its log flushed every second.

    Raises:
        Missing: there is no Redis here, or no client for it.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise Missing("Redis is left out: there is no redis-server (Debian: redis-server).")
    try:
        # Only `make bench` installs it, so the type checker may or may not find it.
        import redis as client_library  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise Missing("Redis is left out: the Python package redis is not installed.") from None
    home = folder / "redis"
    home.mkdir()
    socket = home / "redis.sock"
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "dir": str(home),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
    }
    arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
    with subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL) as process:
        client = client_library.Redis(unix_socket_path=str(socket))
        try:
            until = monotonic() + START_SECONDS
            while not socket.exists() and process.poll() is None and monotonic() < until:
                sleep(0.02)
            client.ping()
            yield {"Redis everysec": _Redis(client)}
        finally:
            client.close()
            process.terminate()
