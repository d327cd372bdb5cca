"""The commands `verify`, `rebuild` and `parked`: drift is found, mended, and told."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.command import tallies
from tests.cli.favorites.conftest import embedded


@embedded
def test_verify_finds_drift_and_says_where(loaded: str, tmp_path: Path) -> None:
    assert tallies("verify", store=loaded) == (0, "6 rows checked, 0 drifted\n", "")
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute(
            "UPDATE tallies_favorites SET favorites = 9 WHERE time_window = '2026-11'"
        )
    found = tallies("verify", "--json", store=loaded)
    assert found.code == 1
    assert json.loads(found.out) == {
        "checked": 6,
        "drifted": [{"restaurant_id": "noodles", "window": "2026-11", "expected": 2, "actual": 9}],
    }
    plain = tallies("verify", store=loaded)
    assert plain.code == 1
    assert plain.out.splitlines()[1].split() == ["noodles", "2026-11", "2", "9"]


@embedded
def test_rebuild_mends_what_verify_finds(loaded: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute(
            "UPDATE tallies_favorites SET favorites = 9 WHERE time_window = '2026-11'"
        )
    line = {"restaurant_id": "noodles", "window": "2026-11", "expected": 2, "actual": 9}
    looked = tallies("rebuild", "--dry-run", "--json", store=loaded)
    assert (looked.code, json.loads(looked.out)) == (1, {"checked": 6, "to_mend": [line]})
    mended = tallies("rebuild", "--json", store=loaded)
    assert (mended.code, json.loads(mended.out)) == (0, {"checked": 6, "mended": [line]})
    assert tallies("rebuild", store=loaded) == (0, "6 rows checked, 0 mended\n", "")
    assert tallies("verify", store=loaded).code == 0


@pytest.mark.slow(only="dynamodb")
def test_rebuild_finds_nothing_to_do(loaded: str) -> None:
    assert tallies("rebuild", "--read-units", "1000", store=loaded) == (
        0,
        "6 rows checked, 0 mended\n",
        "",
    )
    assert tallies("rebuild", "--dry-run", store=loaded).code == 0


@pytest.mark.slow(only="dynamodb")
def test_a_rebuild_builds_what_is_declared_anew_and_says_so_before(
    loaded: str, tmp_path: Path
) -> None:
    declared = tmp_path / "tallies.toml"
    declared.write_text(
        '[[tally]]\nname = "favorites"\ngroup_by = "restaurant_id"\ntime = "created_at"\n'
        'windows = ["all", "year"]\nranked = ["all"]\nmeasures = { favorites = "count" }\n'
    )
    dry = ("rebuild", "--dry-run", "--declaration", declared)
    looked = tallies(*dry, store=loaded)
    assert looked.code == 1
    assert looked.out.startswith("6 rows checked, 0 to mend\n")
    assert "'favorites' differs in in_place, ranked, windows" in looked.out
    told = json.loads(tallies(*dry, "--json", store=loaded).out)
    assert "'favorites' differs in" in told.pop("to_build")
    assert told == {"checked": 6, "to_mend": []}
    before = json.loads(tallies("show", "noodles", "--json", store=loaded).out)["windows"]
    assert "2026-11" in before  # nothing was changed

    assert tallies("rebuild", "--declaration", declared, store=loaded).code == 0
    after = json.loads(tallies("show", "noodles", "--json", store=loaded).out)["windows"]
    assert after == {"all": before["all"], "2026": before["all"]}
    assert tallies(*dry, store=loaded).code == 0


@embedded
def test_parked(loaded: str, tmp_path: Path) -> None:
    assert tallies("parked", "list", store=loaded) == (0, "Nothing is parked.\n", "")
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute(
            "INSERT INTO favorites (restaurant_id, user_id, created_at)"
            " VALUES ('noodles', 'eve', '2026-02-30T00:00:00.000000Z')"
        )
    empty = tmp_path / "empty.csv"
    empty.write_text("user_id,restaurant_id,created_at\n")
    assert tallies("load", empty, store=loaded).code == 0  # counts what is in the log
    (record,) = json.loads(tallies("parked", "list", "--json", store=loaded).out)
    assert "2026-02-30" in record["reason"]
    assert record["content"]["new"]["user_id"] == "eve"
    assert record["id"] in tallies("parked", "list", store=loaded).out
    tried = tallies("parked", "retry", "--all", store=loaded)
    assert (tried.code, tried.out) == (1, "0 counted, 1 still parked\n")
    assert "2026-02-30" in tried.err
    assert tallies("parked", "discard", record["id"], store=loaded).code == 2
    gone = tallies("parked", "discard", record["id"], "--yes", store=loaded)
    assert gone.code == 0
    assert json.loads(gone.out) == record
    assert tallies("parked", "list", "--json", store=loaded).out == "[]\n"
    assert tallies("parked", "retry", record["id"], store=loaded).code == 2
    assert "--all" in tallies("parked", "retry", store=loaded).err
