"""Files that cannot be used: one clear sentence each, and nothing that was acknowledged is lost."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest

from tallies import Count, Declaration, Tally
from tallies.core.errors import (
    InvalidStoreUrl,
    NotInitialised,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    WrongStore,
)
from tallies.favorites.favorite import Event
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.favorites.open import open_any
from tallies.stores.sqlite import SqliteStore
from tallies.stores.sqlite.connection import transactions


def one_sentence(error: pytest.ExceptionInfo[StoreError], path: Path) -> None:
    text = str(error.value)
    assert str(path) in text
    assert "\n" not in text
    assert text.endswith(".")


def test_a_missing_file_is_not_made_by_looking(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with SqliteFavorites(path) as store, pytest.raises(NotInitialised) as error:
        store.leaderboard("all", 10)
    one_sentence(error, path)
    assert not path.exists()


def test_an_empty_database_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with SqliteFavorites(path) as store:
        with pytest.raises(NotInitialised) as error:
            store.get("a", "b")
        one_sentence(error, path)
        assert store.init()
        assert store.get("a", "b") is None


@pytest.mark.parametrize("content", [b"user_id,restaurant_id\n" * 100, os.urandom(4096)])
def test_no_sqlite_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with SqliteFavorites(path) as store:
        for use in (store.init, store.status):
            with pytest.raises(WrongStore, match="no SQLite database") as error:
                use()
            one_sentence(error, path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (x)")
    with SqliteFavorites(path) as store:
        for use in (store.init, store.status):
            with pytest.raises(WrongStore, match="keeps no tallies") as error:
                use()
            one_sentence(error, path)


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    with SqliteFavorites(path) as store:
        store.init()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tallies_catalog SET format = format + 1")
    for use in (SqliteFavorites.status, SqliteFavorites.init):
        with SqliteFavorites(path) as store:
            with pytest.raises(WrongStore, match="newer tallies") as error:
                use(store)
            one_sentence(error, path)


def test_a_folder_that_is_missing_and_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "s.db", tmp_path):
        with SqliteFavorites(path) as store, pytest.raises(StoreError) as error:
            store.init()
        one_sentence(error, path)


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    with SqliteFavorites(path) as store:
        store.init()
        for _ in store.load(
            [Event(f"u{n}", "r", "2082-11-23T00:00:00.000000Z") for n in range(500)]
        ):
            pass
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    with SqliteFavorites(path) as store, pytest.raises(WrongStore, match="damaged") as error:
        store.verify()
    one_sentence(error, path)


def test_a_full_disk_loses_nothing_acknowledged(tmp_path: Path) -> None:
    with SqliteFavorites(tmp_path / "small.db") as store:
        store.init()
        with store.database.writing() as connection:  # SQLite's own way to a full disk
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 8}")
        acknowledged = 0
        error = None
        while error is None:
            try:
                store.mark(f"user-{acknowledged}", "noodles" * 20)
                acknowledged += 1
            except StoreFull as full:
                error = str(full)
        assert str(store.path) in error
        assert acknowledged > 10
        assert store.status().source_rows == acknowledged
        with store.database.writing() as connection:
            connection.execute("PRAGMA max_page_count = 100000")
        while store.aggregator().step().records:
            pass
        assert store.tally("noodles" * 20, ["all"]) == {"all": acknowledged}
        assert list(store.verify().drifted) == []


def test_a_read_only_file(tmp_path: Path) -> None:
    folder = tmp_path / "mount"
    folder.mkdir()
    path = folder / "s.db"
    with SqliteFavorites(path) as store:
        store.init()
        store.mark("ann", "noodles")
    # Permission bits do not bind root; a read-only mount binds everyone.
    as_root = os.geteuid() == 0
    if as_root:
        mounted = subprocess.run(
            f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}",
            shell=True,
            capture_output=True,
        )
        if mounted.returncode:
            pytest.skip("neither permission bits nor a read-only mount can be had here")
    else:
        path.chmod(0o400)
        folder.chmod(0o500)
    try:
        with SqliteFavorites(path) as store, pytest.raises(StoreReadOnly) as error:
            store.mark("bob", "noodles")
        one_sentence(error, path)
    finally:
        if as_root:
            subprocess.run(["umount", folder], check=True)
        else:
            folder.chmod(0o700)
            path.chmod(0o600)
    with SqliteFavorites(path) as store:
        assert store.get("ann", "noodles") is not None
        assert store.get("bob", "noodles") is None


def test_a_lock_that_is_held_for_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "BUSY_TIMEOUT_SECONDS", 0.05)
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable) as error:
                store.mark("ann", "noodles")
            one_sentence(error, store.path)
            assert store.get("ann", "noodles") is None  # readers do not wait
        assert store.mark("ann", "noodles")[1]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x.db",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite://x.db",
        "postgres://x/y",
        "sqlite:///:memory:",
        "sqlite:///x.db?synchronous=off",
        "sqlite:///x.db?a=b",
    ],
)
def test_a_url_of_another_form(url: str) -> None:
    with pytest.raises(InvalidStoreUrl):
        open_any(url)


def test_urls_name_files(tmp_path: Path) -> None:
    with open_any(f"sqlite:///{tmp_path}/a%20b.db?synchronous=full") as store:
        assert store.init()
    assert (tmp_path / "a b.db").exists()


def test_a_commit_waits_for_readers_where_there_is_no_write_ahead_log(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    tally = Tally(name="cities", group_by=("city",), measures={"shops": Count()})
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as reader:
        reader.execute("CREATE TABLE shops (city TEXT)")
        reader.execute("INSERT INTO shops VALUES ('Rome')")
        with SqliteStore(path, Declaration([tally], "shops")) as store:
            store.init()
            assert reader.execute("PRAGMA journal_mode").fetchone() == ("delete",)
            reader.execute("INSERT INTO shops VALUES ('Rome')")
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM shops").fetchone()
            end = Timer(0.3, reader.execute, ["ROLLBACK"])
            end.start()
            assert store.aggregator().step().records == 1
            assert end.finished.is_set()
            assert store.tallies()["cities"].tally("Rome", ["all"]) == {"all": 2}
