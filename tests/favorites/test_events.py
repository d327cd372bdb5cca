"""Reading logs: what is written comes back, and whatever is torn spoils its own line only."""

import csv
import gzip
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies.core.times import canonical_time, parse_time
from tallies.favorites.events import BadLine, EventLog
from tallies.favorites.favorite import Event
from tallies.favorites.log_lines import MAX_LINE_CHARACTERS
from tests.core import histories as make

NOW = datetime(2100, 1, 2, tzinfo=UTC)
TIME = "2026-11-23T12:00:00Z"
HEADER = "user_id,restaurant_id,created_at,op\n"

ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
events = st.lists(
    st.builds(Event, ids, ids, make.time_texts(), st.sampled_from(["mark", "unmark"])), max_size=8
)
reuse = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(path: Path, content: bytes | str) -> list[Event | BadLine]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with EventLog(path, NOW) as log:
        found = list(log)
        assert log.bytes_read == log.size == path.stat().st_size
    return found


def canonical(written: list[Event]) -> list[Event]:
    return [e._replace(created_at=canonical_time(parse_time(e.created_at))) for e in written]


@given(
    events,
    st.permutations(["user_id", "restaurant_id", "created_at", "op", "extra"]),
    st.booleans(),
)
@reuse
def test_csv_comes_back(
    tmp_path: Path, written: list[Event], columns: list[str], packed: bool
) -> None:
    text = io.StringIO()
    rows = csv.DictWriter(text, columns, restval="more", lineterminator="\r\n")
    rows.writeheader()
    rows.writerows(event._asdict() for event in written)
    content = text.getvalue().encode("utf-8-sig")
    assert read(
        tmp_path / "log", gzip.compress(content, mtime=0) if packed else content
    ) == canonical(written)


@given(events.filter(bool))
@reuse
def test_ndjson_comes_back(tmp_path: Path, written: list[Event]) -> None:
    lines = [json.dumps(event._asdict()) for event in written]
    assert read(tmp_path / "log", "\n".join(lines)) == canonical(written)


@given(events.filter(bool), st.data())
@reuse
def test_a_log_cut_anywhere_keeps_all_whole_lines(
    tmp_path: Path, written: list[Event], data: st.DataObject
) -> None:
    text = io.StringIO()
    rows = csv.DictWriter(text, Event._fields, lineterminator="\n")
    rows.writeheader()
    rows.writerows(event._asdict() for event in written)
    content = text.getvalue().encode()
    start = len(HEADER) + 1
    cut = data.draw(st.integers(start, len(content)))
    found = read(tmp_path / "log", content[:cut])
    whole = content[:cut].count(b"\n") - 1
    assert found[:whole] == canonical(written)[:whole]
    for line in found[whole:]:  # the torn one is told, or it lacks nothing but its line break
        assert isinstance(line, BadLine) or line == canonical(written)[whole]
        assert not isinstance(line, BadLine) or line.number == whole + 2


@pytest.mark.parametrize("end", ["unmar", "un", "", "m", "mar"])
def test_a_torn_unmark_never_becomes_a_mark(tmp_path: Path, end: str) -> None:
    (line,) = read(tmp_path / "log", f"{HEADER}a,b,{TIME},{end}")
    assert isinstance(line, BadLine)


def test_without_op_all_are_marks(tmp_path: Path) -> None:
    content = f"created_at,restaurant_id,user_id\n{TIME},noodles,ann\n"
    assert read(tmp_path / "log", content) == canonical([Event("ann", "noodles", TIME)])
    assert read(tmp_path / "log", f"{HEADER}ann,noodles,{TIME},\n") == canonical(
        [Event("ann", "noodles", TIME)]
    )


BAD = [
    ("a,b", "2 fields"),
    (f"a,b,{TIME},mark,x", "5 fields"),
    (f",b,{TIME},mark", "user_id is empty"),
    (f"a,,{TIME},mark", "restaurant_id is empty"),
    (f"{'a' * 1025},b,{TIME},mark", "1025 bytes"),
    (f"a\0,b,{TIME},mark", r"U\+0000"),
    (f"a\tb,b,{TIME},mark", r"U\+0009"),
    (f"a,b,{TIME},MARK", "'MARK'"),
    ("a,b,2026-11-23,mark", "no timestamp"),
    ("a,b,2026-11-23T12:00:00,mark", "zone"),
    ("a,b,2100-01-03T00:00:01Z,mark", "future"),
    ("a,b,1700000000,mark", "no timestamp"),
    (f'"a,b,{TIME},mark', "not closed"),
    ("x" * (MAX_LINE_CHARACTERS * 3), "longer than"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
def test_a_bad_line_is_told_and_its_neighbours_load(tmp_path: Path, line: str, reason: str) -> None:
    good = f"ann,noodles,{TIME},mark\n"
    first, bad, last = read(tmp_path / "log", f"{HEADER}{good}{line}\n{good}")
    assert isinstance(first, Event)
    assert first == last
    assert isinstance(bad, BadLine)
    assert bad.number == 3
    assert re.search(reason, bad.sentence)


def test_a_line_in_another_encoding_spoils_itself_only(tmp_path: Path) -> None:
    content = f"{HEADER}Jos\xe9,b,{TIME},mark\nann,b,{TIME},mark\n".encode("latin-1")
    bad, good = read(tmp_path / "log", content)
    assert isinstance(bad, BadLine)
    assert bad.number == 2
    assert "user_id is not in UTF-8" in bad.sentence
    assert isinstance(good, Event)


JSON = [
    ("{", "no JSON"),
    ("[]", "no JSON object"),
    ('{"user_id": "a", "restaurant_id": "b"}', "no created_at"),
    ('{"user_id": null, "restaurant_id": "b", "created_at": "x"}', "user_id"),
    ('{"user_id": true, "restaurant_id": "b", "created_at": "x"}', "user_id"),
    (f'{{"user_id": "a", "restaurant_id": "b", "created_at": "{TIME}", "op": 1}}', "op is no text"),
    ("[" * 60_000, "no JSON"),
]


@pytest.mark.parametrize(("line", "reason"), JSON)
def test_a_bad_line_of_json(tmp_path: Path, line: str, reason: str) -> None:
    good = f'{{"user_id": 7, "restaurant_id": "b", "created_at": "{TIME}"}}'
    first, bad, last = read(tmp_path / "log", f"{good}\n{line}\n\n{good}")
    assert first == last == canonical([Event("7", "b", TIME)])[0]
    assert isinstance(bad, BadLine)
    assert bad.number == 2
    assert reason in bad.sentence


def test_packed_data_that_ends_early_says_so_after_what_was_whole(tmp_path: Path) -> None:
    lines = "".join(f"user-{n},b,{TIME},mark\n" for n in range(20_000))
    packed = gzip.compress(f"{HEADER}{lines}".encode())
    path = tmp_path / "log"
    path.write_bytes(packed[: len(packed) // 2])
    with EventLog(path, NOW) as log:
        found = list(log)
    assert isinstance(found[-1], BadLine)
    assert "gzip" in found[-1].sentence
    assert found[-1].number > 1000
    assert all(isinstance(line, Event) for line in found[:1000])
