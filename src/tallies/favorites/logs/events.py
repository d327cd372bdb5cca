"""Logs of marks and unmarks: CSV or NDJSON, plain or gzip, read as a stream.

Good lines come out as events, bad ones as `BadLine`, and reading continues. A block without
anything unusual is read by whole columns; a block with anything unusual in it is read line by line.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from re import ASCII
from re import compile as pattern
from typing import Literal, NamedTuple, Self, cast

from tallies.core.errors import InvalidInput, InvalidTime
from tallies.core.ids import check_id
from tallies.core.source.time_formats import RFC3339, parse_time_as
from tallies.core.times import canonical_time
from tallies.favorites.favorite import Event
from tallies.favorites.logs.formats import DEFAULT_OP, Csv, Fields, Format, Ndjson, OpenQuote
from tallies.favorites.logs.lines import MAX_LINE_CHARACTERS, Lines

FUTURE_ALLOWED = timedelta(days=1)
"""Clocks differ, days begin at different moments; more than this is a mistake."""

MAX_RECORD_LINES = 100
"""A CSV record whose extra columns hold line breaks may span this many lines."""

_MAX_TIME_CHARACTERS = 64
_LIKELY_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
_LIKELY_FORMATS = (RFC3339, "epoch-s", "epoch-ms", "epoch-us", "epoch-ns", "sql", "date")
_WHOLE_SECONDS = pattern(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\dZ", ASCII).fullmatch
_OPS = frozenset({"mark", "unmark"})


class BadLine(NamedTuple):
    """A line that is no event: its number, counted from 1, and why, as one sentence."""

    number: int
    sentence: str


class EventLog:
    """An open log, for a `with` statement; iterate over it once. `-` is standard input.

    `time_format` is one of `core.time_formats`; times without a zone are in UTC.

    Raises:
        InvalidInput: the file as a whole cannot be used (missing, empty, binary, no header).
    """

    def __init__(self, path: Path | str, now: datetime, time_format: str = RFC3339) -> None:
        self._latest = canonical_time(now + FUTURE_ALLOWED)
        self._time_format = time_format
        self._lines = Lines(path)
        self._blocks = self._lines.blocks()
        self._number = 1
        """The number of the first line of the block that is being read."""
        try:
            self._format = self._begin()
        except BaseException:
            self._lines.close()
            raise

    def _begin(self) -> Format:
        name = self._lines.name
        for block in self._blocks:
            for offset, line in enumerate(block):
                if not line or line.isspace():
                    continue
                if _is_binary(line):
                    raise InvalidInput(f"{name} is no text file; a log is CSV or NDJSON.")
                json = line.lstrip().startswith("{")
                rest = block[offset:] if json else block[offset + 1 :]
                self._number += offset if json else offset + 1
                self._blocks = chain([rest] if rest else [], self._blocks)
                return Ndjson() if json else _csv(line, name)
            self._number += len(block)
        if self._lines.damage:
            raise InvalidInput(f"{name} cannot be read: {self._lines.damage}")
        raise InvalidInput(f"{name} is empty; a log is CSV with a header, or NDJSON.")

    @property
    def size(self) -> int | None:
        """Bytes of the file as it lies on the disk; None where that is not known (a pipe)."""
        return self._lines.size

    @property
    def bytes_read(self) -> int:
        """How far into the file on the disk the reading is; 0 where that is not known."""
        return self._lines.bytes_read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def __iter__(self) -> Iterator[Event | BadLine]:
        for block in self._blocks:
            events = self._by_columns(block)
            yield from self._line_by_line(block) if events is None else events
            self._number += len(block)
        if self._lines.damage:
            yield BadLine(self._number, self._lines.damage)

    def _by_columns(self, lines: Sequence[str]) -> list[Event] | None:
        columns = self._format.columns(lines)
        if columns is None:
            return None
        ops = {op: op.lower() for op in set(columns.op)}
        if not _OPS.issuperset(ops.values()):
            return None
        try:
            for ids in (columns.user_id, columns.restaurant_id):
                for text in set(ids):
                    check_id(text)
            times = self._times(set(columns.created_at))
        except InvalidInput:
            return None
        canonical = map(times.__getitem__, columns.created_at)
        lower = map(ops.__getitem__, columns.op)
        return list(map(Event, columns.user_id, columns.restaurant_id, canonical, lower))

    def _times(self, texts: set[str]) -> dict[str, str]:
        """Each text with its canonical time, as `_time` gives it."""
        is_default = self._time_format == RFC3339
        if is_default and all(map(_WHOLE_SECONDS, texts)) and max(texts) < self._latest:
            # Nearly every log is written so, and this is far quicker for that form.
            with suppress(ValueError):
                deque(map(datetime.fromisoformat, texts), maxlen=0)  # is there such a day?
                return {text: text[:-1] + ".000000Z" for text in texts}
        return {text: self._time(text) for text in texts}

    def _line_by_line(self, lines: list[str]) -> Iterator[Event | BadLine]:
        at = 0
        while at < len(lines):
            line, number = lines[at], self._number + at
            at += 1
            if not line or line.isspace():
                continue
            try:
                yield self._event(line, last=at == len(lines))
            except OpenQuote:
                found, at = self._over_lines(lines, at)
                yield found
            except InvalidInput as error:
                yield from self._header_or_bad(line, BadLine(number, str(error)))

    def _header_or_bad(self, line: str, bad: BadLine) -> Iterator[Event | BadLine]:
        """Read a line that is no event: a header once more, or bad."""
        found = self._format.header_at_end(line)
        if found is None:
            yield bad
            return
        before, self._format = found
        if before:
            try:
                yield self._event(before, torn=True)
            except InvalidInput as error:
                yield BadLine(bad.number, str(error))

    def _over_lines(self, lines: list[str], at: int) -> tuple[Event | BadLine, int]:
        """Read the record that begins in the line before `at` together with those that follow.

        Returns it and where to continue. A line that is complete by itself is never taken for a
        part of another one, so that a stray quote spoils its own line only. Where a record is
        whole, what is wrong with it is its own, and its lines are not read again as if each were
        one.
        """
        number, record = self._number + at - 1, lines[at - 1]
        within = f"{MAX_RECORD_LINES} lines"
        for end in range(at, at + MAX_RECORD_LINES - 1):
            if end == len(lines):
                lines.extend(next(self._blocks, ()))
            if end == len(lines) or self._stands_by_itself(lines[end]):
                return BadLine(number, "A quoted field is not closed."), at
            record += "\n" + lines[end]
            if len(record) > MAX_LINE_CHARACTERS:
                within = f"{MAX_LINE_CHARACTERS:,} characters"
                break
            if '"' not in lines[end]:
                continue
            try:
                return self._event(record, last=end + 1 == len(lines)), end + 1
            except OpenQuote:
                continue
            except InvalidInput as error:
                return BadLine(number, str(error)), end + 1
        return BadLine(number, f"A quoted field is not closed within {within}."), at

    def _stands_by_itself(self, line: str) -> bool:
        if line.count('"') % 2:  # it opens a quoted field, or closes one
            return False
        try:
            self._event(line)
        except InvalidInput:
            return self._format.header_at_end(line) is not None
        return True

    def _event(self, record: str, *, last: bool = False, torn: bool = False) -> Event:
        fields = self._format.fields(record)
        _check_encoding(record, fields)
        user, restaurant, time, op = fields
        # A log that was cut off in the middle of `unmark` must not become a mark.
        if not op and not torn and not (last and self._lines.unterminated):
            op = DEFAULT_OP
        if op.lower() not in _OPS:
            raise InvalidInput(f"op is {_shown(op)}; write mark or unmark.")
        return Event(
            check_id(user, "user_id"),
            check_id(restaurant, "restaurant_id"),
            self._time(time),
            cast(Literal["mark", "unmark"], op.lower()),
        )

    def _time(self, text: str) -> str:
        if len(text) > _MAX_TIME_CHARACTERS:
            raise InvalidInput(f"created_at is no timestamp: {_shown(text)}.")
        try:
            time = canonical_time(parse_time_as(text, self._time_format))
        except InvalidTime as error:
            if likely := self._likely_format(text):
                sentence = str(error).removesuffix(".")
                raise InvalidTime(f"{sentence}, or give --time-format {likely}.") from None
            raise
        if time > self._latest:
            moment = text if self._time_format == RFC3339 else f"{text} ({time})"
            raise InvalidInput(
                f"The time {moment} lies more than a day in the future; correct it or the clock."
            )
        return time

    def _likely_format(self, text: str) -> str:
        """The form in which an invalid time would be valid; empty for none."""
        for as_ in _LIKELY_FORMATS:
            with suppress(InvalidTime):
                moment = parse_time_as(text, as_)
                if moment >= _LIKELY_SINCE and canonical_time(moment) <= self._latest:
                    return as_
        return ""


def _csv(line: str, name: str) -> Csv:
    try:
        return Csv(line, name)
    except InvalidInput:
        if line.lstrip().startswith("["):
            raise InvalidInput(
                f"{name} is a JSON array; write its objects one on each line (NDJSON)."
            ) from None
        raise


def _is_binary(first_line: str) -> bool:
    if any(character < " " and character != "\t" for character in first_line):
        return True
    # A header may have a column in another encoding, but then it has our columns as well.
    return "user_id" not in first_line and _is_no_utf8(first_line)


def _is_no_utf8(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _check_encoding(record: str, fields: Fields) -> None:
    # In JSON an escape may give half a character, too, though the file is in UTF-8.
    if record.isascii() or not _is_no_utf8(record):
        return
    for what, text in fields._asdict().items():
        if _is_no_utf8(text):
            raise InvalidInput(f"The {what} is not in UTF-8; save the file as UTF-8.")


def _shown(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 40 else shown[:36] + "...'"
