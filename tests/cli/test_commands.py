"""The commands: what they print, how they exit, and one line for every mistake."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import tallies as package
from tests.cli.command import tallies
from tests.engines import DynamoDBAccount

LOG = """user_id,restaurant_id,created_at,op
ann,noodles,2026-11-22T12:00:00Z,mark
bob,noodles,2026-11-23T01:00:00+02:00,mark
ann,"fish #1, harbour",2026-10-01T00:00:00Z,mark
ann,pizza,2026-10-01T00:00:00Z,mark
ann,pizza,2026-10-02T00:00:00Z,unmark
zoe,never,2026-10-02T00:00:00Z,unmark
"""


embedded = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db"
    account: DynamoDBAccount = request.getfixturevalue("aws_environment")
    return account.store_url("cli")


@pytest.fixture
def loaded(tmp_path: Path, store: str) -> str:
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")
    assert tallies("load", log, store=store) == (0, "6 events loaded\n", "")
    return store


def test_top(loaded: str) -> None:
    found = tallies("top", "--json", store=loaded)
    assert json.loads(found.out) == [
        {"rank": 1, "restaurant_id": "noodles", "favorites": 2},
        {"rank": 2, "restaurant_id": "fish #1, harbour", "favorites": 1},
    ]
    assert json.loads(tallies("top", "2026-11-22", "--json", store=loaded).out) == [
        {"rank": 1, "restaurant_id": "noodles", "favorites": 2}
    ]
    assert json.loads(tallies("top", "-n", "1", "--json", store=loaded).out)[0]["rank"] == 1
    plain = tallies("top", store=loaded).out.splitlines()
    assert plain[0].split() == ["rank", "restaurant", "favorites"]
    assert plain[1].split() == ["1", "noodles", "2"]
    assert tallies("top", "2001-01", store=loaded).out == "No favorites in 2001-01.\n"


def test_show(loaded: str) -> None:
    assert json.loads(tallies("show", "noodles", "--json", store=loaded).out) == {
        "restaurant_id": "noodles",
        "windows": {"all": 2, "2026-11": 2, "2026-11-22": 2},
    }
    assert json.loads(tallies("show", "pizza", "--json", store=loaded).out)["windows"] == {}


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
def test_status(loaded: str) -> None:
    found = json.loads(tallies("status", "--json", store=loaded).out)
    assert (found["source_rows"], found["lag_records"], found["parked"]) == (3, 0, 0)
    assert found["store"] == loaded
    assert "favorites  3" in tallies("status", store=loaded).out


def test_init_is_idempotent(store: str) -> None:
    assert tallies("init", store=store).out == f"{store}: ready\n"
    assert tallies("init", store=store).out == f"{store}: was ready already\n"


@embedded
def test_no_wait_leaves_the_counting_to_others(tmp_path: Path, store: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")
    assert tallies("load", "--no-wait", log, store=store).code == 0
    assert json.loads(tallies("status", "--json", store=store).out)["lag_records"] == 5
    assert tallies("verify", store=store).code == 0  # in flight is no drift


def test_the_option_wins_over_the_environment_before_and_after_the_command(
    loaded: str, tmp_path: Path
) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    assert tallies("--store", loaded, "top", store=other).code == 0
    assert tallies("top", "--store", loaded, store=other).code == 0
    assert tallies("top", store=other).code == 2


def test_bad_lines_are_told_by_number_and_the_rest_loads(tmp_path: Path, store: str) -> None:
    log = tmp_path / "log.csv.gz"
    lines = [
        *LOG.splitlines(),
        "ann,noodles",
        ",noodles,2026-11-22T12:00:00Z,mark",
        "ann,noodles,2026-11-22T12:00:00,mark",
        "ann,noodles,2999-01-01T00:00:00Z,mark",
        "ann,noodles,2026-11-22T12:00:00Z,like",
        'ann,"noodles,2026-11-22T12:00:00Z,mark',
        "eve,last,2026-11-22T12:00:00Z,mark",
        "eve,torn,2026-11-2",
    ]
    log.write_bytes(gzip.compress("\n".join(lines).encode("utf-8-sig")))
    ran = tallies("load", log, store=store)
    assert ran.code == 1
    assert ran.out == "7 events loaded, 7 bad lines\n"
    told = ran.err.splitlines()
    assert [line.split(":")[0] for line in told] == [
        f"line {n}" for n in (8, 9, 10, 11, 12, 13, 15)
    ]
    for line, word in zip(
        told, ["2 fields", "empty", "zone", "future", "'like'", "quote", "3 fields"], strict=True
    ):
        assert word in line
    assert json.loads(tallies("show", "last", "--json", store=store).out)["windows"]["all"] == 1


@embedded
def test_a_log_as_other_programs_write_it(tmp_path: Path, store: str) -> None:
    """Packed piece by piece, each with its header; with epochs, and op in capitals."""
    log = tmp_path / "clicks.csv.gz"
    header = "user_id,restaurant_id,created_at,op\n"
    pieces = ["ann,noodles,1700000000500,MARK\n", "bob,noodles,1700000000501,Mark\n"]
    pieces.append("ann,noodles,1700000000502,UNMARK\n")
    log.write_bytes(b"".join(gzip.compress(f"{header}{piece}".encode()) for piece in pieces))
    refused = tallies("load", log, store=store)
    assert (refused.code, refused.out) == (1, "0 events loaded, 3 bad lines\n")
    assert refused.err.count("or give --time-format epoch-ms.") == 3
    ran = tallies("load", log, "--time-format", "epoch-ms", store=store)
    assert ran == (0, "3 events loaded\n", "")
    windows = json.loads(tallies("show", "noodles", "--json", store=store).out)["windows"]
    assert windows == {"all": 1, "2023-11": 1, "2023-11-14": 1}
    plan = tallies("plan", "--from-events", log, "--time-format", "epoch-ms", "--json")
    assert plan.code == 0, plan.err
    told = tallies("demo", "--port", "0", "--events", log)
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "Line 2: '1700000000500' is no timestamp" in told.err


def test_many_bad_lines_do_not_flood(tmp_path: Path, store: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user_id,restaurant_id,created_at\n" + "x\n" * 1000)
    ran = tallies("load", log, store=store)
    assert (ran.code, ran.out) == (1, "0 events loaded, 1,000 bad lines\n")
    assert len(ran.err.splitlines()) < 30


MISTAKES = [
    (["top", "nope"], "names no window"),
    (["top", "-n", "0"], "1<=x<=1000"),
    (["top", "-n", "1001"], "1<=x<=1000"),
    (["top", "-n", "many"], "not a valid int"),
    (["top", "2026-11-15..2026-11-01"], "swap them"),
    (["top", "2026-11..2026-11-15"], "two of one kind"),
    (["top", "trending-0-days"], "half-life"),
    (["top", "--offset", "-1"], "0<=x<=10000"),
    (["rank", "noodles", "--around", "101"], "0<=x<=100"),
    (["rank"], "Missing argument"),
    (["export", "last-0-days"], "at least last-1-days"),
    (["export", "month", "--kind", "day"], "not both"),
    (["load"], "Missing argument"),
    (["frobnicate"], "No such command"),
    (["top", "--store", "mysql://x"], "no store URL"),
    (["top", "--store", "sqlite:///nowhere/x.db"], "no store at"),
    (["init", "--store", "sqlite:///nowhere/x.db"], "folder exists"),
    (["load", "nowhere.csv"], "no such file"),
    (["load", "."], "is a directory"),
    (["serve", "--host", "0.0.0.0"], "--auth jwt"),
    (["serve", "--auth", "jwt"], "TALLIES_JWT_SECRET"),
    (["serve", "--port", "70000"], "65535"),
    (["serve", "--host", "192.0.2.1", "--insecure"], "Cannot listen"),
    (["demo", "--events", "nowhere.csv"], "no such file"),
    (["demo", "--names", "nowhere.csv"], "no such file"),
    (["demo", "--speed", "0"], "x>0"),
]


@embedded
@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, store: str
) -> None:
    ran = tallies(*arguments, store=store)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("tallies: ")
    assert len(ran.err.splitlines()) == 1
    assert words in ran.err


@embedded
def test_a_word_that_can_be_no_restaurant(loaded: str, tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("noodles\nfish\x07\n")
    for arguments, sentence in (
        (["show", ""], "The restaurant id is empty; give one."),
        (["rank", "a\x07b"], "The restaurant id holds the control character U+0007; remove it."),
        (
            ["top", "--among", str(tmp_path / "ids")],
            f"{tmp_path}/ids, line 2: The restaurant id holds the control character U+0007;"
            " remove it.",
        ),
        (["show"], "Give 1 value: restaurant_id."),
        (["show", "a", "b"], "Give 1 value: restaurant_id."),
    ):
        assert tallies(*arguments, store=loaded) == (2, "", f"tallies: {sentence}\n")


def test_a_window_without_a_leaderboard(store: str) -> None:
    assert tallies("init", store=store).code == 0
    ran = tallies("top", "2026-W48", store=store)
    sentence = "tallies: There is no leaderboard by week; there is: all, month, day.\n"
    assert ran == (2, "", sentence)


FILES = [
    (b"", "is empty"),
    (b"\n \n", "is empty"),
    (b"ann,noodles,2026-11-22T12:00:00Z\n", "no column user_id"),
    (b"user_id,created_at\n", "no column restaurant_id"),
    ("user_id,restaurant_id\n".encode("utf-16"), "UTF-16"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "log"),
    (b"\0\1\2\3binary", "no text file"),
    (gzip.compress(b"user_id,restaurant_id,created_at\n", mtime=0)[:20], "gzip"),
]


@pytest.mark.parametrize(("content", "words"), FILES)
def test_a_file_that_is_no_log(tmp_path: Path, store: str, content: bytes, words: str) -> None:
    log = tmp_path / "log"
    log.write_bytes(content)
    ran = tallies("load", log, store=store)
    assert ran.code == 2
    assert words in ran.err
    assert len(ran.err.splitlines()) == 1


def test_help_and_version() -> None:
    assert package.__version__ in tallies("--version").out
    for command in ("demo", "serve", "init", "load", "top", "rank", "show", "status", "verify"):
        found = tallies(command, "--help")
        assert found.code == 0
        assert "Example:" in found.out


def test_no_colours_where_there_is_no_terminal(loaded: str) -> None:
    for command in (["top"], ["status"], ["verify"]):
        assert "\x1b" not in tallies(*command, store=loaded).out


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


def test_rebuild_finds_nothing_to_do(loaded: str) -> None:
    assert tallies("rebuild", "--read-units", "1000", store=loaded) == (
        0,
        "6 rows checked, 0 mended\n",
        "",
    )
    assert tallies("rebuild", "--dry-run", store=loaded).code == 0


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
    assert "favorites differs in in_place, ranked, windows" in looked.out
    told = json.loads(tallies(*dry, "--json", store=loaded).out)
    assert "favorites differs in" in told.pop("to_build")
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
