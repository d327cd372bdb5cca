"""The page of the architecture is true: the files that it names are there, and run when it says."""

import ast
import re
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import FrameType

import pytest
from fastapi.testclient import TestClient

from tallies.cli.main import COMMANDS
from tallies.favorites.favorite import FavoritesStore
from tallies.favorites.http import NoAuth, create_app
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.runtimes.worker import Worker
from tests.engines import DynamoDBAccount
from tests.runtimes.worker.conftest import until_counted

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PACKAGE = ROOT / "src" / "tallies"
STORES = sorted(each.parent.name for each in PACKAGE.glob("stores/*/__init__.py"))
RUNTIMES = ("embedded", "worker")

_FILE = re.compile(r"(?<!or )\b(\w+(?:/\w+)+\.py)\b")
_NAMED = re.compile(r"`((?:src|tests|docs|deploy)/[\w./-]+|pyproject\.toml)`")


def picture() -> Mapping[str, Mapping[str, set[str]]]:
    """Stage -> store -> the files of the picture."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    stage = ""
    (drawn,) = re.findall(r"```\n(WRITE .*?)```", PAGE, re.DOTALL)
    for line in drawn.splitlines():
        stage = line.split()[0] if line[0] != " " else stage
        columns = line.split("│")[1:]
        for store in STORES:
            # One column is for both; of two, the left one is SQLite's.
            seen = columns if len(columns) < 2 else [columns[store == "dynamodb"]]
            found[stage][store].update(name for part in seen for name in _FILE.findall(part))
    return found


def named_for(what: str) -> list[str]:
    """The files in the list of what one touches to add something."""
    (section,) = re.findall(
        rf"^## To add a {what}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE
    )
    bullets = re.findall(r"^- .*(?:\n  .*)*", section, re.MULTILINE)
    return [name for bullet in bullets for name in _NAMED.findall(bullet)]


def that_name(*names: str, within: str = "") -> set[str]:
    """The modules of the package that use one of these names, or import from such a module."""
    found = set()
    for file in (PACKAGE / within).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            used: set[str] = set()
            if isinstance(node, ast.Name):
                used = {node.id}
            elif isinstance(node, ast.ImportFrom):
                used = {node.module or "", *(alias.name for alias in node.names)}
            if used.intersection(names):
                found.add(str(file.relative_to(ROOT)))
    return found


class Watched:
    """The files of the package whose code ran."""

    def __init__(self) -> None:
        self.files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(f"{PACKAGE}/"):
            self.files.add(frame.f_code.co_filename.removeprefix(f"{PACKAGE}/"))


@contextmanager
def watched() -> Iterator[set[str]]:
    """What runs meanwhile, in this thread and in those that begin now."""
    watch = Watched()
    before = sys.getprofile()
    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        yield watch.files
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


def write(store: FavoritesStore) -> set[str]:
    """Ann marks a restaurant, in a new store."""
    with watched() as ran:
        store.init()
        with TestClient(create_app(store, auth=NoAuth())) as client:
            assert client.put("/users/ann/favorites/noodles").status_code == 201
    return ran


def read(store: FavoritesStore) -> set[str]:
    """Anybody reads the leaderboard, and Ann is in it."""
    with watched() as ran, TestClient(create_app(store, auth=NoAuth())) as client:
        board = client.get("/leaderboards/all").json()
    assert board["items"] == [{"rank": 1, "restaurant_id": "noodles", "favorites": 1}]
    return ran


def check(name: str, stages: Mapping[str, set[str]]) -> None:
    drawn = picture()
    assert drawn.keys() == stages.keys()
    for stage, ran in stages.items():
        assert drawn[stage][name]
        assert drawn[stage][name] - ran == set(), stage


def test_on_sqlite_a_mark_takes_the_way_of_the_picture(tmp_path: Path) -> None:
    with SqliteFavorites(tmp_path / "favorites.db") as store:
        wrote = write(store)
        with watched() as counted, EmbeddedLoop(store):
            pass  # it leaves nothing undone
        check("sqlite", {"WRITE": wrote, "COUNT": counted, "READ": read(store)})


def test_on_dynamodb_a_mark_takes_the_way_of_the_picture(aws_environment: DynamoDBAccount) -> None:
    with DynamoFavorites.from_url(aws_environment.store_url("app")) as store:
        wrote = write(store)
        with watched() as counted:
            worker = Worker(store)
            thread = Thread(target=worker.run)
            thread.start()
            until_counted(store, {"noodles": 1})
            worker.stop()
            thread.join()
        check("dynamodb", {"WRITE": wrote, "COUNT": counted, "READ": read(store)})


def test_every_file_that_the_page_names_is_there() -> None:
    for name in re.findall(r"\b\w+(?:/\w+)+\.py\b", PAGE.split("```")[1]):
        assert (PACKAGE / name).is_file(), name
    for name in _NAMED.findall(PAGE):
        if "NAME" not in name:
            assert (ROOT / name).exists(), name


def test_the_list_of_a_measure_has_every_file_that_knows_one() -> None:
    named = named_for("measure")
    assert {each for each in named if each.startswith("src/")} == that_name("Average") | {
        "src/tallies/__init__.py"
    }
    for name in named:
        assert "average" in (ROOT / name).read_text().lower(), name


def test_the_list_of_a_question_has_every_file_that_knows_one() -> None:
    knows = that_name("neighbours", "place_of") - {"src/tallies/core/fold.py"}
    beside = {"src/tallies/stores/protocol.py", "src/tallies/cli/main.py"}
    named = named_for("question")
    assert {each for each in named if each.startswith("src/")} - beside == knows | {
        "src/tallies/stores/questions.py"
    }
    assert COMMANDS["rank"] == "boards"
    for name in named:
        assert "rank" in (ROOT / name).read_text(), name


def test_the_list_of_a_runtime_has_every_file_that_starts_one() -> None:
    named = named_for("runtime")
    starts = that_name(
        *(f"tallies.runtimes.{name}" for name in (*RUNTIMES, "catch_up")), within="cli"
    ) | that_name(*(f"tallies.runtimes.{name}" for name in RUNTIMES), within="library")
    starts |= that_name("EmbeddedLoop", within="cli")
    assert {each for each in named if each.startswith(("src/tallies/cli", "src/tallies/lib"))} == (
        starts - {"src/tallies/cli/commands/demo.py"}  # which is about one store only
    )
    for runtime in RUNTIMES:
        places = [ROOT / name.replace("NAME", runtime) for name in named if "NAME" in name]
        assert any(place.exists() for place in places), runtime


@pytest.mark.parametrize("store", STORES)
def test_every_store_is_made_as_the_list_says(store: str) -> None:
    named = [name.replace("NAME", store) for name in named_for("store")]
    for name in named:
        assert (ROOT / name).is_file(), name
    for opens in ("stores/open.py", "favorites/open.py"):
        assert f"src/tallies/{opens}" in named
        assert f"def on_{store}(" in (PACKAGE / opens).read_text()
    assert f'"{store}"' in (PACKAGE / "stores/open.py").read_text()
    assert "(StoreSuite)" in (ROOT / f"tests/conformance/test_{store}.py").read_text()
