"""Logs as whole files: what cannot be used is told on opening; the rest is numbered exactly."""

import gzip
import io
import json
import os
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies.core.errors import InvalidInput
from tallies.core.times import canonical_time, parse_time
from tallies.favorites.favorite import Event
from tallies.favorites.logs.events import MAX_RECORD_LINES, BadLine, EventLog
from tallies.favorites.logs.formats import Csv, Fields, Ndjson
from tallies.favorites.logs.lines import MAX_LINE_CHARACTERS
from tests.core import histories as make

NOW = datetime(2100, 1, 2, tzinfo=UTC)
TIME = "2026-11-23T12:00:00Z"
CANONICAL = "2026-11-23T12:00:00.000000Z"
HEADER = b"user_id,restaurant_id,created_at,op\n"
GOOD = f"ann,noodles,{TIME},mark\n".encode()

reuse = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def read(path: Path, content: bytes) -> list[Event | BadLine]:
    path.write_bytes(content)
    with EventLog(path, NOW) as log:
        return list(log)


UNUSABLE = [
    (b"", "is empty"),
    (b"\xef\xbb\xbf", "is empty"),
    (b"\n  \r\n\n", "is empty"),
    (gzip.compress(b"", mtime=0), "is empty"),
    (GOOD, "no column user_id"),
    (b"user_id,created_at\n", "no column restaurant_id"),
    (b"user_id;restaurant_id;created_at\n", "with commas"),
    (b"user_id,user_id,restaurant_id,created_at\n", "user_id twice"),
    (b'user_id,"restaurant_id,created_at\n', "no CSV header"),
    (b"user_id," * 20_000, "longer than 65,536"),
    (b"SQLite format 3\0" + bytes(100), "no text file"),
    (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "no text file"),
    (HEADER.decode().encode("utf-16"), "UTF-16"),
    (HEADER.decode().encode("utf-16-le"), "no text file"),
    (b"PK\x03\x04" + bytes(30), "zip"),
    (b'[{"user_id": "a", "restaurant_id": "b"}]\n', "JSON array"),
    (b"\x1f\x8b", "gzip data is damaged"),
    (gzip.compress(HEADER, mtime=0)[:12], "gzip data is damaged"),
]


@pytest.mark.parametrize(("content", "words"), UNUSABLE)
def test_a_file_that_is_no_log_is_told_on_opening(log: Path, content: bytes, words: str) -> None:
    log.write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        EventLog(log, NOW)
    sentence = str(error.value)
    assert words in sentence
    assert str(log) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 300


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        EventLog(tmp_path / "nowhere.csv", NOW)
    with pytest.raises(InvalidInput, match="is a directory"):
        EventLog(tmp_path, NOW)


def test_a_column_in_another_encoding_does_no_harm(log: Path) -> None:
    head = "prénom,user_id,restaurant_id,created_at\n"
    content = f"{head}Zoé,ann,noodles,{TIME}\n".encode("latin-1")
    assert read(log, content) == [Event("ann", "noodles", CANONICAL)]


def test_a_log_without_events_is_good(log: Path) -> None:
    assert read(log, HEADER) == []
    assert read(log, HEADER.rstrip()) == []


@given(
    st.sets(st.integers(0, 9_999), max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
)
@settings(reuse, max_examples=30)
def test_bad_lines_have_exact_numbers_however_long_the_log(
    tmp_path: Path, bad: set[int], end: str, packed: bool, as_json: bool, blank: int
) -> None:
    """Ten thousand lines are many blocks; blank lines count, and are nothing."""
    good = json.dumps(dict(zip(Event._fields, ("ann", "b", TIME), strict=False)))
    good = good if as_json else f"ann,b,{TIME},mark"
    head = [] if as_json else [HEADER.decode().strip()]
    lines = [""] * blank + head + ["torn" if n in bad else good for n in range(10_000)]
    if as_json and 0 in bad:  # what a log is, its first line says
        lines[blank] = good
    content = end.join(lines).encode()
    found = read(tmp_path / "log", gzip.compress(content, 1, mtime=0) if packed else content)
    assert [line.number for line in found if isinstance(line, BadLine)] == [
        n for n, line in enumerate(lines, start=1) if line == "torn"
    ]
    assert found.count(Event("ann", "b", CANONICAL)) == lines.count(good)
    assert len(found) == 10_000


fields = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.sampled_from(["b", "ünï", "7"]),
    st.one_of(
        make.time_texts(),
        st.sampled_from([TIME, "2026-02-29T12:00:00Z", "2026-11-23T24:00:00Z", "2101-01-01Z"]),
        st.from_regex(
            r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-6][0-9]Z", fullmatch=True
        ),
    ),
    st.sampled_from(["mark", "unmark", "mark", "", "x"]),
)


@given(st.lists(fields, min_size=1, max_size=6), st.booleans())
@reuse
def test_columns_say_what_lines_say(
    tmp_path: Path, rows: list[tuple[str, str, str, str]], as_json: bool
) -> None:
    """A block that is taken whole gives what its lines give when a bad one is among them."""
    if as_json:
        lines = [json.dumps(dict(zip(Event._fields, row, strict=True))) for row in rows]
        head, spoiler = "", '{"spoiler": 1}'
    else:
        lines = [",".join(f'"{field}"' for field in row).replace('""', "") for row in rows]
        head, spoiler = HEADER.decode(), "spoiler"
    path = tmp_path / "log"
    text = "".join(line + "\n" for line in lines)
    spoilt = (
        read(path, f"{head}{spoiler}\n{text}".encode())
        if not as_json
        else read(path, f"{spoiler}\n{text}".encode())
    )
    whole = read(path, f"{head}{text}".encode())
    assert isinstance(spoilt[0], BadLine)
    assert [line if isinstance(line, Event) else line.sentence for line in whole] == [
        line if isinstance(line, Event) else line.sentence for line in spoilt[1:]
    ]


@pytest.mark.parametrize("format_", [Csv(HEADER.decode(), "log"), Ndjson()])
def test_plain_lines_are_taken_by_columns(format_: Csv | Ndjson) -> None:
    """So that the fast way is the one that logs go."""
    events = [Event("ann", "noodles", TIME), Event("böb", "#/ 7", TIME, "unmark")]
    lines = [
        ",".join(event) if isinstance(format_, Csv) else json.dumps(event._asdict())
        for event in events
    ]
    columns = format_.columns(lines)
    assert columns is not None
    assert list(map(Event, *columns)) == events
    assert [Fields(*event) for event in events] == [format_.fields(line) for line in lines]


def test_an_extra_column_may_hold_line_breaks(log: Path) -> None:
    note = 'two\nlines, a ""quote"" and\n\nan end'
    record = f'ann,noodles,{TIME},mark,"{note}"\n'.encode()
    head = HEADER.rstrip() + b",note\n"
    plain = GOOD.rstrip() + b",\n"
    found = read(log, head + plain + record + plain + b"torn\n" + record * 9_000 + b"torn")
    bad = [line.number for line in found if isinstance(line, BadLine)]
    assert bad == [8, 9 + 4 * 9_000]
    assert len(found) == 9_003 + 2


def test_a_stray_quote_spoils_its_own_line_only(log: Path) -> None:
    head = HEADER.rstrip() + b",note\n"
    plain = GOOD.rstrip() + b",\n"
    stray = GOOD.rstrip() + b',"oh\n'
    closing = GOOD.rstrip() + b',well"\n'
    found = read(log, head + plain + stray + plain * 3 + closing + stray + plain)
    assert [(n, type(line)) for n, line in enumerate(found, start=2) if n in (3, 8)] == [
        (3, BadLine),
        (8, BadLine),
    ]
    assert sum(isinstance(line, Event) for line in found) == 6
    found = read(log, head + stray + b"?\n" * (2 * MAX_RECORD_LINES) + plain)
    bad = [line for line in found if isinstance(line, BadLine)]
    assert [line.number for line in bad] == list(range(2, 3 + 2 * MAX_RECORD_LINES))
    assert "not closed within 100 lines" in bad[0].sentence


def test_a_line_without_end_is_told_at_constant_length(log: Path) -> None:
    endless = b"x" * (20 * MAX_LINE_CHARACTERS)
    for content in (HEADER + endless + b"\n" + GOOD, HEADER + GOOD + endless):
        found = read(log, gzip.compress(content, mtime=0))
        (bad,) = (line for line in found if isinstance(line, BadLine))
        assert "longer than 65,536" in bad.sentence
        assert Event("ann", "noodles", CANONICAL) in found


LINES = [f"user-{random.Random(n).random()},b,{TIME},mark\n".encode() for n in range(2_000)]
PACKED = gzip.compress(HEADER + b"".join(LINES))


@given(st.integers(1_000, len(PACKED) - 1))
@settings(reuse, max_examples=50)
def test_gzip_cut_off_gives_the_whole_lines_before_the_cut(tmp_path: Path, cut: int) -> None:
    *before, last = read(tmp_path / "log", PACKED[:cut])
    assert before == read(tmp_path / "good", HEADER + b"".join(LINES))[: len(before)]
    assert isinstance(last, BadLine)
    assert last.number == len(before) + 2
    assert "gzip data is damaged or cut off" in last.sentence


@given(st.integers(20, len(PACKED) - 1), st.integers(1, 255))
@settings(reuse, max_examples=50)
def test_gzip_with_a_wrong_byte_is_always_told(tmp_path: Path, at: int, flip: int) -> None:
    """At the latest the checksum at the end shows it; never is the end of the log the last word."""
    spoilt = PACKED[:at] + bytes([PACKED[at] ^ flip]) + PACKED[at + 1 :]
    try:
        *_, last = read(tmp_path / "log", spoilt)
    except InvalidInput as error:  # so near the beginning that not even a header came out
        last = BadLine(1, str(error))
    assert isinstance(last, BadLine)
    assert re.search("damaged|no column|no text file|no CSV", last.sentence)


def test_what_stands_behind_the_packed_data_is_told_apart_from_damage(log: Path) -> None:
    packed = gzip.compress(HEADER + GOOD, mtime=0)
    event, bad = read(log, packed + b"junk")
    assert isinstance(event, Event)
    assert bad == BadLine(3, "What follows here is no gzip data; all before it was read.")
    assert read(log, packed + bytes(512)) == [event]  # padding, as tapes and archives have it


def test_several_gzip_members_are_one_log(log: Path) -> None:
    assert len(read(log, gzip.compress(HEADER + GOOD, mtime=0) + gzip.compress(GOOD, mtime=0))) == 2


@given(
    st.datetimes(datetime(1900, 1, 2), datetime(2099, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
@reuse
def test_times_are_canonical_whichever_way_they_are_read(
    tmp_path: Path, moment: datetime, precision: str
) -> None:
    text = moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
    (event,) = read(tmp_path / "log", HEADER + f"a,b,{text},mark\n".encode())
    assert isinstance(event, Event)
    assert event.created_at == canonical_time(parse_time(text))


def test_the_future_begins_after_a_day(log: Path) -> None:
    edge, beyond = "2100-01-03T00:00:00Z", "2100-01-03T00:00:01Z"
    for times in ([edge], [edge, beyond], ["2100-01-03T01:00:00+01:00", beyond]):
        rows = "".join(f"a,b,{time},mark\n" for time in times)
        found = read(log, HEADER + rows.encode())
        assert [isinstance(line, Event) for line in found] == [True, False][: len(times)]


def test_progress_is_told_in_bytes_of_the_file(log: Path) -> None:
    rows = "".join(f"{random.Random(n).random()},b,{TIME},mark\n" for n in range(50_000))
    log.write_bytes(gzip.compress(HEADER + rows.encode(), 1))
    with EventLog(log, NOW) as opened:
        seen = [opened.bytes_read for _ in opened]
        assert opened.bytes_read == opened.size == log.stat().st_size
    assert seen == sorted(seen)
    assert seen[0] < log.stat().st_size / 5
    assert len(set(seen)) > 10


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Thread(target=path.write_bytes, args=(HEADER + GOOD * 20_000,))
    writer.start()
    yield path
    writer.join()


def test_a_pipe_is_read_without_a_size(pipe: Path) -> None:
    with EventLog(pipe, NOW) as log:
        assert log.size is None
        assert sum(isinstance(line, Event) for line in log) == 20_000
        assert log.bytes_read == 0


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_is_read_and_left_open(
    monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    content = HEADER + GOOD + b"torn"
    source = io.TextIOWrapper(io.BytesIO(gzip.compress(content, mtime=0) if packed else content))
    monkeypatch.setattr("sys.stdin", source)
    with EventLog("-", NOW) as log:
        found = list(log)
    assert [type(line) for line in found] == [Event, BadLine]
    assert not source.closed
