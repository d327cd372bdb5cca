"""Retention as a user of the embedded store meets it: by the loop, and by the command line."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite.apply import retention
from tests.cli.command import tallies
from tests.retention.conftest import TEXT, SqliteKeeping


def test_the_loop_removes_what_is_over(tmp_path: Path) -> None:
    keeping = SqliteKeeping(tmp_path)
    with keeping.store as store:
        for number in range(retention.EXPIRE_CHUNK + 10):  # more than one transaction's worth
            store.mark("ann", f"r{number}")
        keeping.settle()
        keeping.clock.move(days=5)
        version = store.version()
        with EmbeddedLoop(store):
            deadline = monotonic() + 60
            while any(len(row.window) > len("2082-11") for row in store.rows()):
                assert monotonic() < deadline, "the rows stay"
                sleep(0.01)
        assert store.version() > version
        assert store.windows_of("r3") == {"all": 1, "2082-11": 1}
        assert store.expire() == 0


def test_the_declaration_of_another_run_is_looked_at_again(tmp_path: Path) -> None:
    """Nothing is removed by the retention of a tally that is not kept any more."""
    keeping = SqliteKeeping(tmp_path)
    with keeping.store as store:
        store.mark("ann", "noodles")
        keeping.settle()
        with closing(sqlite3.connect(store.path)) as connection, connection:
            (live,) = connection.execute("SELECT live FROM tallies_catalog").fetchone()
            specs = json.loads(live)
            specs[0]["tally"]["retention_days"] = {}
            connection.execute(
                "UPDATE tallies_catalog SET live = ?, epoch = epoch + 1", (json.dumps(specs),)
            )
        keeping.clock.move(days=50)
        assert store.expire() == 0
        assert len(store.windows_of("noodles")) == 4


def test_old_events_enter_only_the_windows_that_are_kept(tmp_path: Path) -> None:
    (tmp_path / "tallies.toml").write_text(TEXT)
    events = tmp_path / "events.csv"
    events.write_text(
        "user_id,restaurant_id,created_at,op\n"
        "ann,noodles,2017-08-01T10:00:00Z,mark\n"
        "bob,noodles,2017-08-01T11:00:00Z,mark\n"
        "ann,noodles,2017-09-01T10:00:00Z,unmark\n"
    )
    url = f"sqlite:///{tmp_path / 's.db'}"
    declaration = str(tmp_path / "tallies.toml")
    assert tallies("init", "--declaration", declaration, store=url).code == 0
    assert tallies("load", str(events), store=url).code == 0
    shown = json.loads(tallies("show", "noodles", "--json", store=url).out)
    assert shown["windows"] == {"all": 1, "2017-08": 1}
    assert tallies("verify", store=url).code == 0
