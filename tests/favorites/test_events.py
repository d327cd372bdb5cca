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
from tallies.favorites.favorite import Event
from tallies.favorites.logs.events import BadLine, EventLog
from tallies.favorites.logs.lines import MAX_LINE_CHARACTERS
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


def test_op_may_be_in_any_case(tmp_path: Path) -> None:
    ops = ["MARK", "Unmark", "mark", "uNMARK"]
    rows = [f"ann,noodles,{TIME},{op}" for op in ops]
    lines = [json.dumps(dict(zip(Event._fields, row.split(","), strict=True))) for row in rows]
    for content in (HEADER + "\n".join(rows), "\n".join(lines)):
        for spoiler in ("", "\ntorn"):  # taken by columns, and line by line
            events = read(tmp_path / "log", content + spoiler)[: len(ops)]
            assert [line.op for line in events if isinstance(line, Event)] == [
                op.lower() for op in ops
            ]


MOMENT = "2023-11-14T22:13:20.5Z"
TIME_FORMATS = [
    ("epoch-s", "1700000000.5"),
    ("epoch-ms", "1700000000500"),
    ("epoch-us", "1700000000500000"),
    ("epoch-ns", "1700000000500000000"),
    ("sql", "2023-11-14 22:13:20.5"),
    ("sql", "2023-11-15 00:13:20.5+02:00"),
    ("rfc3339", MOMENT),
]


@pytest.mark.parametrize(("time_format", "text"), TIME_FORMATS)
def test_times_are_read_in_the_form_that_the_user_names(
    tmp_path: Path, time_format: str, text: str
) -> None:
    path = tmp_path / "log"
    row = {"user_id": "ann", "restaurant_id": "b", "created_at": text}
    logs = [HEADER + f"ann,b,{text},mark\n", json.dumps(row) + "\n"]
    if time_format.startswith("epoch"):
        logs.append(json.dumps(row | {"created_at": json.loads(text)}) + "\n")
    for content in logs:
        for spoiler in ("", "torn\n"):  # taken by columns, and line by line
            path.write_text(content + spoiler)
            with EventLog(path, NOW, time_format) as log:
                found = list(log)
            assert found[0] == canonical([Event("ann", "b", MOMENT)])[0]
            assert len(found) == 1 + bool(spoiler)


def test_the_wrong_form_of_times_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(HEADER + f"a,b,1700000000000,mark\na,b,{TIME},mark\na,b,4102617601,mark\n")
    with EventLog(path, NOW, "epoch-s") as log:
        sentences = [line.sentence for line in log if isinstance(line, BadLine)]
    for sentence, words in zip(sentences, ["epoch-s", "no number", "2100-01-03"], strict=True):
        assert words in sentence
    assert "--time-format epoch-ms" in sentences[0]
    assert "--time-format rfc3339" in sentences[1]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("end", "second"),
    [
        ("\n", HEADER),
        ("\n", "restaurant_id,user_id,op,created_at,note\n"),
        ("", HEADER),
    ],
)
def test_a_header_comes_again_in_each_log_that_was_put_behind(
    tmp_path: Path, mark: str, end: str, second: str
) -> None:
    """In another order of columns too; and behind a log without its last line break."""
    event = Event("ann", "noodles", TIME)
    row = event._asdict() | {"note": ""}
    columns = second.strip().split(",")
    logs = [
        mark + HEADER + ",".join(event) + end,
        mark + second + ",".join(row[name] for name in columns) + end,
        mark + second,
    ]
    packed = b"".join(gzip.compress(log.encode(), mtime=0) for log in logs)
    for content in (packed, "".join(logs)):
        assert read(tmp_path / "log", content) == canonical([event, event])


def test_a_torn_unmark_never_becomes_a_mark_before_another_header(tmp_path: Path) -> None:
    for end in ("unmar", ""):
        (line,) = read(tmp_path / "log", f"{HEADER}a,b,{TIME},{end}{HEADER}")
        assert isinstance(line, BadLine)
        assert "op is" in line.sentence


def test_json_after_json_with_marks_of_its_encoding(tmp_path: Path) -> None:
    line = json.dumps(Event("ann", "b", TIME)._asdict())
    found = read(tmp_path / "log", f"\ufeff{line}\n\ufeff{line}\n")
    assert found == canonical([Event("ann", "b", TIME)]) * 2


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
