"""Tables at any width: values stay whole, columns stay in line, and nothing shown is a command."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tallies.cli.output import print_json
from tallies.cli.table import shortened, table, visible, wrapped
from tests.cli.command import Ran, on_terminal, tallies
from tests.engines import DynamoDBAccount

LEFT_TO_RIGHT = "\u200e"
LONG = "r-" + "0123456789abcdef" * 9
LONGEST = "z" * 1024
RIGHT_TO_LEFT = ["مطعم الشام", "שלום 7"]
IDS = ["noodles", LONG, "日本料理 寿司屋", *RIGHT_TO_LEFT, "pizza 🍕👨‍👩‍👧", "[bold]x", LONGEST]
WIDTHS = pytest.mark.parametrize("columns", [80, 200])

values = st.one_of(
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=40),
    st.sampled_from(IDS[:-1]),
).filter(str.strip)


def stands(text: str, lines: list[str], start: int | None = None, end: int | None = None) -> bool:
    """Whether a text is whole on one of the lines, from this cell or up to that one."""
    return any(
        line.startswith(text, at)
        and (start is None or cell_len(line[:at]) == start)
        and (end is None or cell_len(line[: at + len(text)]) == end)
        for line in lines
        for at in range(len(line))
    )


@given(
    st.lists(st.tuples(values, st.integers(0, 10**9), values), min_size=1, max_size=5),
    st.one_of(st.none(), st.integers(20, 200)),
)
def test_values_are_whole_and_stand_in_their_columns(
    rows: list[tuple[str, int, str]], width: int | None
) -> None:
    (head,), *found = table(("restaurant", "favorites", "city"), rows, width)
    numbers_end, cities_start = head.index("favorites") + len("favorites"), head.index("city")
    for (restaurant, favorites, city), lines in zip(rows, found, strict=True):
        assert stands(restaurant, lines, start=0)
        assert stands(f"{favorites:,}", lines, end=numbers_end)
        assert stands(city.rstrip(), lines, start=cities_start)
        if width is None:
            assert len(lines) == 1
        for line in lines:
            # Only a value that has no room leaves the screen, and it stands alone there.
            assert width is None or cell_len(line) <= max(
                width, cell_len(restaurant), cities_start + cell_len(city), cities_start
            )


@given(st.text(max_size=60), st.integers(1, 40))
def test_what_is_shortened_is_one_line_that_fits(text: str, width: int) -> None:
    short = shortened(text, width)
    assert cell_len(short) <= max(width, 1)
    assert short == visible(text) or short.endswith("…")
    assert short.splitlines() == [short] or not short


@given(st.lists(st.text("abc日", min_size=1, max_size=30), max_size=12), st.integers(5, 40))
def test_what_is_wrapped_is_broken_between_words(words: list[str], width: int) -> None:
    lines = wrapped(" ".join(words), width)
    assert " ".join(lines).split() == words
    assert all(cell_len(line) <= width or " " not in line for line in lines)


def test_what_has_no_sign_is_shown_as_an_escape() -> None:
    assert visible("a\x1b[2J\x07\x9b\u2028\u202egpj.exe\ud800") == (
        r"a\x1b[2J\x07\x9b\u2028\u202egpj.exe\ud800"
    )
    assert visible("👨‍👩‍👧 naïve ünï") == "👨‍👩‍👧 naïve ünï"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tables")
    log = folder / "log.csv"
    lines = ["user_id,restaurant_id,created_at"]
    for number, id_ in enumerate(IDS):
        lines += [f'u{user},"{id_}",2026-11-{10 + user}T12:00:00Z' for user in range(19 - number)]
    log.write_text("\n".join(lines), encoding="utf-8")
    url = f"sqlite:///{folder}/s.db"
    assert tallies("load", log, store=url).code == 0
    with closing(sqlite3.connect(folder / "s.db")) as connection, connection:
        connection.execute(
            "UPDATE tallies_favorites SET favorites = favorites + 1000 WHERE time_window = '2026'"
            " OR time_window = '2026-11'"
        )
        connection.executemany(
            "INSERT INTO favorites (restaurant_id, user_id, created_at)"
            " VALUES (?, ?, '2026-02-30T00:00:00.000000Z')",
            [(IDS[number % 4], f"user-{number}-{'x' * 90}") for number in range(25)],
        )
    assert tallies("worker", "--once", store=url).code == 0
    return url


def assert_readable(ran: Ran, columns: int) -> None:
    """Each line fits, or is an id that stands alone."""
    for line in ran.out.splitlines():
        assert cell_len(line) <= columns or line.split()[-1] in IDS


@WIDTHS
@pytest.mark.parametrize(
    "command", [["top"], ["rank", "noodles"], ["verify"], ["export", "all"]], ids=lambda one: one[0]
)
def test_ids_are_whole_on_a_terminal(store: str, columns: int, command: list[str]) -> None:
    ran = on_terminal(columns, *command, store=store)
    assert ran.code == (1 if command == ["verify"] else 0)
    expected = IDS[:6] if command[0] == "rank" else IDS
    for id_ in expected:
        assert id_ in ran.out
    if command[0] != "export":
        assert_readable(ran, columns)


@WIDTHS
def test_a_number_behind_right_to_left_text_stays_where_it_is(store: str, columns: int) -> None:
    ran = on_terminal(columns, "top", store=store)
    marked = [line for line in ran.out.splitlines() if LEFT_TO_RIGHT in line]
    assert [line.split(LEFT_TO_RIGHT)[0].split(maxsplit=1)[1].rstrip() for line in marked] == (
        RIGHT_TO_LEFT
    )
    ends = {cell_len(line) for line in ran.out.splitlines() if not line.endswith((LONG, LONGEST))}
    assert len(ends) == 1  # the numbers', whatever stands before them
    assert LEFT_TO_RIGHT not in tallies("top", store=store).out


def test_a_pipe_gets_a_line_for_each_row(store: str) -> None:
    lines = tallies("top", store=store).out.splitlines()
    assert len(lines) == 1 + len(IDS)
    assert all(id_ in line for id_, line in zip(IDS, lines[1:], strict=True))


@WIDTHS
def test_parked_records_can_be_copied_and_read(store: str, columns: int) -> None:
    ran = on_terminal(columns, "parked", "list", store=store)
    *lines, summary = ran.out.splitlines()
    assert summary.startswith("The newest 20 of 25 parked records")
    assert all(cell_len(line) <= columns for line in lines)
    all_of_them = json.loads(tallies("parked", "list", "--json", store=store).out)
    assert len(all_of_them) == 25
    ids = [line for line in lines if not line.startswith(" ")]
    assert ids == [record["id"] for record in all_of_them[-20:]]
    for record in all_of_them:
        assert len(record["content"]["new"]["user_id"]) > 90
    assert sum(line.startswith('  {"old"') for line in lines) == 20
    some = on_terminal(columns, "parked", "list", "-n", "2", store=store).out.splitlines()
    assert [line for line in some[:-1] if not line.startswith(" ")] == ids[-2:]
    every = tallies("parked", "list", "--limit", "99", store=store).out.splitlines()
    assert every[-1] == "25 parked records"


@pytest.mark.slow
def test_an_id_from_the_list_is_one_that_retry_takes(
    aws_environment: DynamoDBAccount, tmp_path: Path
) -> None:
    """On DynamoDB it is longer than a terminal is wide."""
    url = aws_environment.store_url("tables")
    assert tallies("init", store=url).code == 0
    for user in ("ann", "bob"):
        row = {"pk": f"noodles#{user}", "restaurant_id": "noodles", "user_id": user}
        aws_environment.dynamodb().put_item(
            TableName="tables-favorites",
            Item={
                **{name: {"S": value} for name, value in row.items()},
                "created_at": {"S": "soon"},
                "note": {"S": "n" * 500},
            },
        )
        assert tallies("worker", "--once", store=url).code == 0
    lines = on_terminal(80, "parked", "list", store=url).out.splitlines()
    assert lines[-1] == "2 parked records"
    ids = [line for line in lines[:-1] if not line.startswith(" ")]
    assert all(len(id_) > 80 for id_ in ids)
    assert all(cell_len(line) <= 80 for line in lines if line not in ids)
    records = json.loads(tallies("parked", "list", "--json", store=url).out)
    assert ids == [record["id"] for record in records]
    assert [record["parked_at"] for record in records] == sorted(
        record["parked_at"] for record in records
    )
    tried = tallies("parked", "retry", ids[-1], store=url)
    assert (tried.code, tried.out) == (1, "0 counted, 1 still parked\n")
    assert tallies("parked", "discard", ids[-1], "--yes", store=url).code == 0
    assert tallies("parked", "list", store=url).out.endswith("\n1 parked record\n")


@pytest.mark.slow(only="200")
@WIDTHS
@pytest.mark.parametrize("command", [["status"], ["plan"], ["show", "noodles"]])
def test_the_other_tables_fit(store: str, columns: int, command: list[str]) -> None:
    ran = on_terminal(columns, *command, store=store)
    assert ran.code == 0
    for line in ran.out.splitlines():
        # A sentence of its own is broken by the terminal; a table must not be.
        is_sentence = line.endswith(".") or "writes a day, " in line
        assert cell_len(line) <= columns or is_sentence or line.endswith(store)
    assert store in ran.out or command != ["status"]


@pytest.mark.parametrize("id_", [":pizza:", "[red]", "[/]", "\\[x]"])
def test_words_are_printed_as_they_are(store: str, id_: str) -> None:
    assert tallies("show", id_, store=store).out == f"No favorites of {id_}.\n"
    assert tallies("rank", id_, store=store).out == f"No favorites of {id_} in all.\n"


def test_json_is_exact_and_commands_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"id": "a\x1b[2J\x9b2J\u202egpj\u2028", "half": "\ud800", "kept": "日本 👨‍👩‍👧 é"}
    print_json(data)
    shown = capsys.readouterr().out
    assert json.loads(shown) == data
    assert data["kept"] in shown
    assert all(line == visible(line) for line in shown.splitlines())


def test_a_terminal_without_the_characters_gets_escapes(store: str) -> None:
    for command in (["top"], ["top", "--json"], ["parked", "list", "--json"]):
        ran = tallies(*command, store=store, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        assert ran.code == 0, ran.err
        assert ran.out.isascii()
        if "--json" in command:
            assert json.loads(ran.out) == json.loads(tallies(*command, store=store).out)
