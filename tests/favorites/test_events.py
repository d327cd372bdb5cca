"""Reading logs: what is written comes back, and what is torn is told."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.favorites.favorite import Event
from tallies.favorites.logs.events import BadLine, EventLog
from tests.favorites.event_logs import HEADER, NOW, TIME, canonical, events, read, reuse


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
