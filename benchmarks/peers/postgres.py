"""PostgreSQL: the same tables as this store, counted by a trigger in the mark's transaction."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness.board_rows import BoardRow
from benchmarks.peers.peer import Missing, Peer, Place

_SCHEMA = """
CREATE TABLE favorites (
    restaurant_id text NOT NULL, user_id text NOT NULL, created_at timestamptz NOT NULL,
    PRIMARY KEY (restaurant_id, user_id)
);
CREATE INDEX ON favorites (user_id, created_at DESC, restaurant_id);
CREATE TABLE tallies (
    restaurant_id text NOT NULL, time_window text NOT NULL, favorites bigint NOT NULL,
    PRIMARY KEY (restaurant_id, time_window)
);
CREATE INDEX ON tallies (time_window, favorites DESC, restaurant_id);
CREATE FUNCTION count_favorite() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO tallies AS kept
    SELECT new.restaurant_id, name, 1 FROM unnest(ARRAY['all',
        to_char(new.created_at AT TIME ZONE 'UTC', 'YYYY-MM'),
        to_char(new.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')]) AS name
    ON CONFLICT (restaurant_id, time_window) DO UPDATE SET favorites = kept.favorites + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER counted AFTER INSERT ON favorites
FOR EACH ROW EXECUTE FUNCTION count_favorite();
"""
_MARK = "INSERT INTO favorites VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_TOP = (
    "SELECT restaurant_id, favorites FROM tallies WHERE time_window = 'all'"
    " ORDER BY favorites DESC, restaurant_id LIMIT %s"
)
_MANY = (
    "SELECT restaurant_id, time_window, favorites FROM tallies"
    " WHERE restaurant_id = ANY(%s) AND time_window = ANY(%s)"
)
_PLACE = (
    "SELECT count(*) FILTER (WHERE (-favorites, restaurant_id) <= (-%(own)s, %(group)s)), count(*)"
    " FROM tallies WHERE time_window = 'all'"
)


class _Postgres:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def mark(self, user_id: str, restaurant_id: str, created_at: str) -> None:
        self._connection.execute(_MARK, (restaurant_id, user_id, created_at), prepare=True)

    def settle(self) -> None:
        """The mark has counted already."""

    def top(self, limit: int) -> list[tuple[str, int]]:
        found = self._connection.execute(_TOP, (limit,), prepare=True).fetchall()
        return [(restaurant, count) for restaurant, count in found]

    def fill(self, rows: Iterable[BoardRow]) -> None:
        self._connection.execute("TRUNCATE tallies, favorites")
        copy = "COPY tallies (restaurant_id, time_window, favorites) FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(copy) as copying:
            for row in rows:
                copying.write_row(row)
        self._connection.execute("VACUUM ANALYZE tallies")

    def many(self, groups: Sequence[str], windows: Sequence[str]) -> dict[str, list[int]]:
        rows = self._connection.execute(
            _MANY, (list(groups), list(windows)), prepare=True
        ).fetchall()
        found = {(group, window): count for group, window, count in rows}
        return {group: [found.get((group, window), 0) for window in windows] for group in groups}

    def place(self, group: str) -> Place:
        own = self.many([group], ["all"])[group][0]
        values = {"own": own, "group": group}
        return Place(*self._connection.execute(_PLACE, values, prepare=True).fetchone())


@contextmanager
def postgres(_: Path) -> Iterator[dict[str, Peer]]:
    """A cluster of its own with a database for each setting of durability.

    Raises:
        Missing: there is no PostgreSQL here, or no client for it.
    """
    programs = _programs()
    try:
        # Only `make bench` installs it, so the type checker may or may not find it.
        import psycopg  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise Missing("PostgreSQL is left out: the package psycopg is not installed.") from None
    with ExitStack() as stack:
        home = stack.enter_context(_cluster(programs))
        login = f"host={home} user=postgres"
        with psycopg.connect(f"{login} dbname=postgres", autocommit=True) as first:
            first.execute("CREATE DATABASE async_commit")
            first.execute("CREATE DATABASE sync_commit")
        peers: dict[str, Peer] = {}
        for name, setting in (("async", "off"), ("sync", "on")):
            connection = stack.enter_context(
                psycopg.connect(f"{login} dbname={name}_commit", autocommit=True)
            )
            connection.execute(_SCHEMA)
            connection.execute(f"SET synchronous_commit = {setting}")
            peers[f"PostgreSQL {name} commit"] = _Postgres(connection)
        yield peers


def _programs() -> Path:
    """The folder of the server's programs: on the path, or where Debian keeps them."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    raise Missing("PostgreSQL is left out: there is no initdb (Debian: postgresql).")


@contextmanager
def _cluster(programs: Path) -> Iterator[Path]:
    """A running server that listens only on a socket in its own folder.

    PostgreSQL refuses to run as root; then it runs as the account that Debian makes for it.
    """
    account = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        home = Path(name)
        if account:
            try:
                shutil.chown(home, **account)
            except LookupError:
                raise Missing(
                    "PostgreSQL is left out: it does not run as root, and there is no account"
                    " postgres."
                ) from None
        data, log = home / "data", home / "log"

        def call(program: str, *arguments: str) -> None:
            command = [str(programs / program), "--pgdata", str(data), *arguments]
            extra: dict[str, Any] = {**account, "extra_groups": []} if account else {}
            subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL, **extra)

        call("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c unix_socket_directories='{home}'"
        call("pg_ctl", "start", "--wait", f"--log={log}", f"--options={options}")
        try:
            yield home
        finally:
            call("pg_ctl", "stop", "--wait", "--mode=immediate")
