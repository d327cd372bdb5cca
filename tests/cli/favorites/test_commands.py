"""The commands: what they print, how they exit, and one line for every mistake."""

import json
from pathlib import Path

import pytest

import tallies as package
from tests.cli.command import tallies
from tests.cli.favorites.conftest import LOG, embedded


@pytest.mark.slow(only="dynamodb")
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


@pytest.mark.slow(only="dynamodb")
def test_show(loaded: str) -> None:
    assert json.loads(tallies("show", "noodles", "--json", store=loaded).out) == {
        "restaurant_id": "noodles",
        "windows": {"all": 2, "2026-11": 2, "2026-11-22": 2},
    }
    assert json.loads(tallies("show", "pizza", "--json", store=loaded).out)["windows"] == {}


@embedded
def test_status(loaded: str) -> None:
    found = json.loads(tallies("status", "--json", store=loaded).out)
    assert (found["source_rows"], found["lag_records"], found["parked"]) == (3, 0, 0)
    assert found["store"] == loaded
    assert "favorites  3" in tallies("status", store=loaded).out


def test_init_is_idempotent(store: str) -> None:
    assert tallies("init", store=store).out == f"{store}: ready\n"
    assert tallies("init", store=store).out == f"{store}: was ready already\n"


@pytest.mark.slow
def test_the_option_wins_over_the_environment_before_and_after_the_command(
    loaded: str, tmp_path: Path
) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    assert tallies("--store", loaded, "top", store=other).code == 0
    assert tallies("top", "--store", loaded, store=other).code == 0
    assert tallies("top", store=other).code == 2


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
    (["top", "--store", ""], "--store or TALLIES_STORE is empty"),
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


@pytest.mark.parametrize("arguments", [[], ["parked"]])
def test_without_a_command_help_is_printed_as_it_is_laid_out(arguments: list[str]) -> None:
    ran = tallies(*arguments)
    assert ran.code == 2
    assert ran.err == tallies(*arguments, "--help").out


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


def test_help_and_version() -> None:
    assert package.__version__ in tallies("--version").out
    for command in ("demo", "serve", "init", "load", "top", "rank", "show", "status", "verify"):
        found = tallies(command, "--help")
        assert found.code == 0
        assert "Example:" in found.out


@pytest.mark.slow(only="dynamodb")
def test_no_colours_where_there_is_no_terminal(loaded: str) -> None:
    for command in (["top"], ["status"], ["verify"]):
        assert "\x1b" not in tallies(*command, store=loaded).out


def test_favorites_whose_tallies_were_dropped_are_counted_again(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")
    assert tallies("load", log, store=store).code == 0
    shown = tallies("top", "--json", store=store)
    assert tallies("drop", "--yes", store=store).code == 0
    assert "tallies init" in tallies("top", store=store).err
    assert tallies("init", store=store) == (0, f"{store}: ready\n", "")
    assert tallies("top", "--json", store=store) == shown
    assert tallies("verify", store=store).code == 0
