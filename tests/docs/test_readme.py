"""The README's first screen and its code are true."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.command import tallies

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCK.findall(README) if name == kind]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a shop's database in it, and the declaration of the first screen."""
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        connection.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, city TEXT, shop TEXT, total NUMERIC,"
            " at TEXT)"
        )
        connection.executemany(
            "INSERT INTO orders (city, shop, total, at) VALUES (?, ?, ?, ?)",
            [
                ("Oslo", "Nord Provisions", 12.5, "2026-11-23T09:00:00Z"),
                ("Oslo", "Nord Provisions", 7, "2026-11-24T09:00:00Z"),
                ("Rome", "Forno 9", 9.25, "2026-11-24T09:00:00Z"),
            ],
        )
    (tmp_path / "tallies.toml").write_text(blocks("toml")[0])
    (first,) = [text for text in blocks("sh") if "sqlite:///shop.db" in text]
    (init,) = [line for line in first.splitlines() if " init " in line]
    program, *arguments = init.split("#")[0].split()
    at = arguments.index("--store")
    ran = tallies(*arguments[:at], store=arguments[at + 1])
    assert (program, ran.code) == ("tallies", 0), ran.err
    return tmp_path


def test_the_first_screen_counts(shop: Path) -> None:
    ran = tallies("top", "--json", store="sqlite:///shop.db")
    assert [(line["shop"], line["revenue"]) for line in json.loads(ran.out)] == [
        ("Nord Provisions", 19.5),
        ("Forno 9", 9.25),
    ]


def test_the_code_runs_and_prints_what_it_says(shop: Path) -> None:
    code = blocks("python")
    assert len(code) == 2
    for text in code:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", text],
            cwd=shop,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for said in re.findall(r"^# (.*)$", text, re.MULTILINE):
            assert said in done.stdout
