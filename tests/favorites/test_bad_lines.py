"""What is wrong in a log spoils its own line only, and is told once."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.favorites.favorite import Event
from tallies.favorites.logs.events import BadLine
from tallies.favorites.logs.lines import MAX_LINE_CHARACTERS
from tests.favorites.event_logs import HEADER, TIME, canonical, read, reuse

BAD = [
    ("a,b", "2 fields"),
    (f"a,b,{TIME},mark,x", "5 fields"),
    (f",b,{TIME},mark", "user_id is empty"),
    (f"a,,{TIME},mark", "restaurant_id is empty"),
    (f"{'a' * 1025},b,{TIME},mark", "1025 bytes"),
    (f"a\0,b,{TIME},mark", r"U\+0000"),
    (f"a\tb,b,{TIME},mark", r"U\+0009"),
    (f"a,b,{TIME},liked", "'liked'"),
    (f"a,b,{TIME}, mark", "' mark'"),
    ("a,b,2026-11-23,mark", "no timestamp.* --time-format date"),
    ("a,b,2026-11-23T12:00:00,mark", "zone.* --time-format sql"),
    ("a,b,2100-01-03T00:00:01Z,mark", "future"),
    ("a,b,1700000000,mark", "no timestamp.* --time-format epoch-s"),
    ("a,b,1700000000000,mark", "no timestamp.* --time-format epoch-ms"),
    ("a,b,1700000000000000,mark", "no timestamp.* --time-format epoch-us"),
    ("a,b,7,mark", r"no timestamp[^-]*-11-23[^-]*\.$"),
    (f'"a,b,{TIME},mark', r"not closed\."),
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


@pytest.mark.parametrize("column", ["user_id", "restaurant_id", "created_at", "op"])
def test_what_is_in_another_encoding_is_named_in_every_column(tmp_path: Path, column: str) -> None:
    row = {**Event("ann", "b", TIME)._asdict(), column: "Jos\xe9"}
    (bad,) = read(tmp_path / "log", (HEADER + ",".join(row.values()) + "\n").encode("latin-1"))
    assert bad == BadLine(2, f"The {column} is not in UTF-8; save the file as UTF-8.")


records = st.builds(
    Event,
    st.text("ab\n\r \"'", max_size=6),
    st.text("ab\n \"'", max_size=6),
    st.sampled_from([TIME, TIME, "2026-\n11-23", "now"]),
    st.sampled_from(["mark", "unmark", "Unmark", "ma\nrk"]),
)


@given(st.lists(st.tuples(records, st.text('xy\n"', max_size=5)), max_size=5), st.booleans())
@reuse
def test_a_whole_record_gives_one_event_or_one_fault(
    tmp_path: Path, written: list[tuple[Event, str]], too_wide: bool
) -> None:
    """Whatever its quoted columns hold: line breaks, quotes, nothing."""
    text = io.StringIO()
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    rows.writerow([*Event._fields, "note"])
    numbers = []
    for event, note in written:
        numbers.append(1 + len(re.findall("\r\n|\r|\n", text.getvalue())))
        rows.writerow([*event, note, *([note] if too_wide else [])])
    found = read(tmp_path / "log", text.getvalue())
    assert len(found) == len(written)
    for (event, _), number, line in zip(written, numbers, found, strict=True):
        good = not (
            too_wide
            or {"\n", "\r"} & {*event.user_id, *event.restaurant_id}
            or not (event.user_id and event.restaurant_id)
            or event.created_at != TIME
            or "\n" in event.op
        )
        assert isinstance(line, Event) is good
        if isinstance(line, Event):
            assert line == canonical([event._replace(op=line.op)])[0]
            assert line.op == event.op.lower()
        else:
            assert line.number == number
            assert "not closed" not in line.sentence


MANY_LINES = [
    ('"a\nb",noodles,{time},mark', r"user_id holds the control character U\+000A"),
    ('ann,"noo\n\ndles",{time},mark', r"restaurant_id holds the control character U\+000A"),
    ('ann,noodles,"2026-\n11-23",mark', "no timestamp"),
    ('ann,noodles,{time},"ma\nrk"', "op is"),
    ('ann,"noo\ndles",{time},mark,more', "record has 5 fields, the header 4"),
    ('ann,noodles,"{time}\n"', "record has 3 fields, the header 4"),
    ('"a\nb"x,noodles,{time},mark', "record is no CSV"),
    ('"a\n"",b",noodles,{time},mark', r"user_id holds the control character U\+000A"),
]


@pytest.mark.parametrize(("record", "reason"), MANY_LINES)
def test_the_fault_of_a_record_of_several_lines_is_told_once(
    tmp_path: Path, record: str, reason: str
) -> None:
    """And no part of it passes for an event."""
    good = f"ann,noodles,{TIME},mark\n"
    found = read(tmp_path / "log", f"{HEADER}{good}{record.format(time=TIME)}\n{good}")
    first, bad, last = found
    assert first == last == canonical([Event("ann", "noodles", TIME)])[0]
    assert isinstance(bad, BadLine)
    assert bad.number == 3
    assert re.search(reason, bad.sentence)


JSON = [
    ("{", "no JSON; write one object on each line"),
    ("[]", "no JSON object"),
    (f'{{"user_id": "a", "restaurant_id": "b", "created_at": "{TIME}"}}{{}}', "goes on after"),
    (
        f'{{"user_id": "\\ud800", "restaurant_id": "b", "created_at": "{TIME}"}}',
        "user_id holds the half character U+D800",
    ),
    (
        f'{{"user_id": "\\udc80é", "restaurant_id": "b", "created_at": "{TIME}"}}',
        "user_id holds the half character U+DC80",
    ),
    (
        f'{{"user_id": "a", "restaurant_id": "b", "created_at": {"1" * 5000}}}',
        "created_at is no timestamp",
    ),
    ('{"user_id": "a", "restaurant_id": "b", "created_at": 1700000000.5}', "epoch-s"),
    ('{"user_id": 1.5, "restaurant_id": "b", "created_at": "x"}', "user_id is no text"),
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
