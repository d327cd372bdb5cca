"""Logs of marks and unmarks: CSV or NDJSON, plain or gzip, read line by line.

One record is one line: ids hold no line breaks, so a quote that is never closed spoils its own line
and no other. Good lines come out as events, bad ones as `BadLine`, and the rest goes on.
"""

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from tallies.core.errors import InvalidInput
from tallies.core.ids import check_id
from tallies.core.times import canonical_time, parse_time
from tallies.stores.protocol import Event

MAX_LINE_CHARACTERS = 65_536
FUTURE_ALLOWED = timedelta(days=1)
"""Clocks differ, days begin at different moments; more than this is a mistake."""

_CHUNK_LINES = 4_096
_MAX_REMEMBERED = 200_000
_GZIP_MAGIC = b"\x1f\x8b"
_REQUIRED = ("user_id", "restaurant_id", "created_at")


class BadLine(NamedTuple):
    """A line that is no event: its number, counted from 1, and why, as one sentence."""

    number: int
    sentence: str


class EventLog:
    """An open log, for a `with` statement; iterate over it once.

    Raises:
        InvalidInput: the file as a whole cannot be used (missing, empty, binary, no header).
    """

    def __init__(self, path: Path | str, now: datetime) -> None:
        self.path = Path(path)
        self.size: int | None = None
        """Bytes of the file as it lies on the disk; None for standard input."""
        self._latest = canonical_time(now + FUTURE_ALLOWED)
        self._ids: dict[str, str] = {}
        self._times: dict[str, str] = {}
        self._raw = self._open()
        self._lines = _Lines(self._raw, self.path)

    def _open(self) -> BinaryIO:
        if str(self.path) == "-":
            return sys.stdin.buffer
        try:
            raw = self.path.open("rb")
            self.size = self.path.stat().st_size
        except OSError as error:
            raise InvalidInput(
                f"Cannot read {self.path}: {(error.strerror or str(error)).lower()}."
            ) from error
        return raw

    @property
    def bytes_read(self) -> int:
        """How far into the file on the disk the reading is."""
        return self._raw.tell() if self.size is not None else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._raw.close()

    def __iter__(self) -> Iterator[Event | BadLine]:
        first = self._lines.first()
        if first.lstrip().startswith("{"):
            yield from self._read_json(first)
        else:
            yield from self._read_csv(first)
        if self._lines.damage:
            yield BadLine(self._lines.number + 1, self._lines.damage)

    def _read_csv(self, header_line: str) -> Iterator[Event | BadLine]:
        header = [name.strip() for name in next(csv.reader([header_line]), [])]
        if missing := [name for name in _REQUIRED if name not in header]:
            raise InvalidInput(
                f"{self.path} has no column {missing[0]}; the first line of a CSV log is"
                " user_id,restaurant_id,created_at[,op]."
            )
        user, restaurant, time = (header.index(name) for name in _REQUIRED)
        op = header.index("op") if "op" in header else None
        columns = len(header)
        for number, lines in self._lines.chunks():
            for offset, row in enumerate(_rows(lines)):
                try:
                    if len(row) != columns:
                        if not row:
                            continue
                        raise InvalidInput(_miscounted(row, columns))
                    done = row[op] if op is not None else "mark"
                    if done not in ("mark", "unmark"):
                        done = _check_op(done, torn=not lines[offset].endswith("\n"))
                    # The memories answer for nearly every line; a miss is checked in full.
                    yield Event(
                        self._ids.get(row[user]) or self._id(row[user], "user_id"),
                        self._ids.get(row[restaurant])
                        or self._id(row[restaurant], "restaurant_id"),
                        self._times.get(row[time]) or self._time(row[time]),
                        done,  # type: ignore[arg-type] # checked above
                    )
                except InvalidInput as error:
                    yield BadLine(number + offset, str(error))

    def _read_json(self, first: str) -> Iterator[Event | BadLine]:
        self._lines.push_back(first)
        for number, lines in self._lines.chunks():
            for offset, line in enumerate(lines):
                if line.isspace():
                    continue
                try:
                    yield self._event(_object(line))
                except InvalidInput as error:
                    yield BadLine(number + offset, str(error))

    def _event(self, fields: dict[str, Any]) -> Event:
        values = []
        for name in _REQUIRED:
            value = fields.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)  # ids are often numbers, and JSON tells them apart
            if not isinstance(value, str):
                raise InvalidInput(f"{name} is missing or no text.")
            values.append(value)
        op = fields.get("op", "mark")
        if op not in ("mark", "unmark"):
            raise InvalidInput(f"op is {op!r}; write mark or unmark.")
        user, restaurant, time = values
        return Event(
            self._ids.get(user) or self._id(user, "user_id"),
            self._ids.get(restaurant) or self._id(restaurant, "restaurant_id"),
            self._times.get(time) or self._time(time),
            op,
        )

    def _id(self, text: str, what: str) -> str:
        if any("\udc80" <= character <= "\udcff" for character in text):
            raise InvalidInput(f"The {what} is not in UTF-8.")
        check_id(text, what)
        if len(self._ids) >= _MAX_REMEMBERED:
            self._ids.clear()
        # One string object for each id, however often it comes, keeps memory and hashing low.
        return self._ids.setdefault(text, text)

    def _time(self, text: str) -> str:
        time = canonical_time(parse_time(text))
        if time > self._latest:
            raise InvalidInput(f"The time {text} lies in the future.")
        if len(self._times) >= _MAX_REMEMBERED:
            self._times.clear()
        self._times[text] = time
        return time


def _rows(lines: Sequence[str]) -> Iterator[list[str]]:
    if not any('"' in line for line in lines):
        yield from csv.reader(lines)
        return
    for line in lines:
        try:
            yield next(csv.reader([line], strict=True))
        except csv.Error:
            yield ["unclosed quote"]


def _miscounted(row: Sequence[str], columns: int) -> str:
    if row == ["unclosed quote"]:
        return "A quoted field is not closed."
    return f"The line has {len(row)} fields, the header {columns}."


def _check_op(text: str, *, torn: bool) -> str:
    # A log that was cut off in the middle of `unmark` must not become a mark.
    if text or torn:
        raise InvalidInput(f"op is {text!r}; write mark or unmark.")
    return "mark"


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise InvalidInput("The line is no JSON.") from None
    if not isinstance(found, dict):
        raise InvalidInput("The line is no JSON object.")
    return found


class _Lines:
    """Lines of text out of bytes that may be packed, of bounded length, numbered from 1."""

    def __init__(self, raw: BinaryIO, path: Path) -> None:
        self._path = path
        self.damage = ""
        self.number = 0
        try:
            head = raw.peek(4)[:4] if isinstance(raw, io.BufferedReader) else b""
        except OSError as error:
            raise InvalidInput(f"Cannot read {path}: {(error.strerror or '').lower()}.") from error
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InvalidInput(f"{path} is in UTF-16; save it as UTF-8.")
        unpacked = gzip.GzipFile(fileobj=raw) if head[:2] == _GZIP_MAGIC else raw
        # Wrong bytes come through as surrogates, so that they spoil only their own line.
        self._text = io.TextIOWrapper(unpacked, "utf-8-sig", errors="surrogateescape")
        self._pushed = ""

    def first(self) -> str:
        """The first line that is not blank."""
        while line := self._next():
            if "\0" in line:
                raise InvalidInput(f"{self._path} is no text file; a log is CSV or NDJSON.")
            if not line.isspace():
                return line
        if self.damage:
            raise InvalidInput(f"{self._path}: {self.damage}")
        raise InvalidInput(f"{self._path} is empty; a log is CSV with a header, or NDJSON.")

    def push_back(self, line: str) -> None:
        self._pushed = line
        self.number -= 1

    def chunks(self) -> Iterator[tuple[int, list[str]]]:
        """Some thousand lines at a time, with the number of the first of them."""
        while True:
            number = self.number + 1
            lines: list[str] = []
            while len(lines) < _CHUNK_LINES and (line := self._next()):
                lines.append(line)
            if not lines:
                return
            yield number, lines

    def _next(self) -> str:
        if self._pushed:
            line, self._pushed = self._pushed, ""
            self.number += 1
            return line
        if self.damage:
            return ""
        try:
            line = self._text.readline(MAX_LINE_CHARACTERS)
            if len(line) == MAX_LINE_CHARACTERS and not line.endswith("\n"):
                while (rest := self._text.readline(MAX_LINE_CHARACTERS)) and rest[-1] != "\n":
                    pass
                line = "too,long," * 200 + "\n"  # a line that is bad in every format
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.damage = f"The gzip data is damaged or cut off here ({error})."
            return ""
        except OSError as error:
            self.damage = f"The file cannot be read further ({error.strerror})."
            return ""
        if line:
            self.number += 1
        return line
