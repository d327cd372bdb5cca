"""The command `load`: logs as they are found, and what it tells of them."""

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.command import tallies
from tests.cli.favorites.conftest import LOG, embedded


@embedded
def test_no_wait_leaves_the_counting_to_others(tmp_path: Path, store: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")
    assert tallies("load", "--no-wait", log, store=store).code == 0
    assert json.loads(tallies("status", "--json", store=store).out)["lag_records"] == 5
    assert tallies("verify", store=store).code == 0  # in flight is no drift


@pytest.mark.slow(only="dynamodb")
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


@pytest.mark.slow(only="dynamodb")
def test_many_bad_lines_do_not_flood(tmp_path: Path, store: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user_id,restaurant_id,created_at\n" + "x\n" * 1000)
    ran = tallies("load", log, store=store)
    assert (ran.code, ran.out) == (1, "0 events loaded, 1,000 bad lines\n")
    assert len(ran.err.splitlines()) < 30


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
