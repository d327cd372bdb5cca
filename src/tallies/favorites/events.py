"""Logs of marks and unmarks: CSV or NDJSON, plain or gzip, read as a stream.

Good lines come out as events, bad ones as `BadLine`, and the rest goes on. A block in which all
is well is taken by whole columns; a block with anything unusual in it is read line by line.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from re import ASCII
from re import compile as pattern
from types import TracebackType
from typing import Literal, NamedTuple, Self, cast

from tallies.core.errors import InvalidInput
from tallies.core.ids import check_id
from tallies.core.times import canonical_time, parse_time
from tallies.favorites.favorite import Event
from tallies.favorites.log_formats import DEFAULT_OP, Csv, Format, Ndjson, OpenQuote
from tallies.favorites.log_lines import Lines

FUTURE_ALLOWED = timedelta(days=1)
"""Clocks differ, days begin at different moments; more than this is a mistake."""

MAX_RECORD_LINES = 100
"""A CSV record whose extra columns hold line breaks may go over this many lines."""

_MAX_TIME_CHARACTERS = 64
_WHOLE_SECONDS = pattern(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\dZ", ASCII).fullmatch
_OPS = frozenset({"mark", "unmark"})


class BadLine(NamedTuple):
    """A line that is no event: its number, counted from 1, and why, as one sentence."""

    number: int
    sentence: str


class EventLog:
    """An open log, for a `with` statement; iterate over it once. `-` is standard input.

    Raises:
        InvalidInput: the file as a whole cannot be used (missing, empty, binary, no header).
    """

    def __init__(self, path: Path | str, now: datetime) -> None:
        self._latest = canonical_time(now + FUTURE_ALLOWED)
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
                return Ndjson() if json else Csv(line, name)
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        if columns is None or not _OPS.issuperset(columns.op):
            return None
        try:
            for ids in (columns.user_id, columns.restaurant_id):
                for text in set(ids):
                    check_id(text)
            times = self._times(set(columns.created_at))
        except InvalidInput:
            return None
        canonical = map(times.__getitem__, columns.created_at)
        return list(map(Event, columns.user_id, columns.restaurant_id, canonical, columns.op))

    def _times(self, texts: set[str]) -> dict[str, str]:
        """Each text with its canonical time, as `_time` gives it."""
        if all(map(_WHOLE_SECONDS, texts)) and max(texts) < self._latest:
            # Nearly every log is written so, and for this form it is far quicker.
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
            except OpenQuote as error:
                event, at = self._over_lines(lines, at)
                yield event or BadLine(number, str(error))
            except InvalidInput as error:
                yield BadLine(number, str(error))

    def _over_lines(self, lines: list[str], at: int) -> tuple[Event | None, int]:
        """Read the record that begins in the line before `at` together with those that follow.

        Gives it and where to go on. A line that is an event by itself is never taken for a part
        of another one, so that a stray quote spoils its own line only.
        """
        record = lines[at - 1]
        for end in range(at, at + MAX_RECORD_LINES - 1):
            if end == len(lines):
                lines.extend(next(self._blocks, ()))
            if end == len(lines) or self._is_event(lines[end]):
                break
            record += "\n" + lines[end]
            if '"' not in lines[end]:
                continue
            try:
                return self._event(record, last=end + 1 == len(lines)), end + 1
            except OpenQuote:
                continue
            except InvalidInput:
                break
        return None, at

    def _is_event(self, line: str) -> bool:
        try:
            self._event(line, last=False)
        except InvalidInput:
            return False
        return True

    def _event(self, record: str, *, last: bool) -> Event:
        user, restaurant, time, op = self._format.fields(record)
        # A log that was cut off in the middle of `unmark` must not become a mark.
        if not op and not (last and self._lines.unterminated):
            op = DEFAULT_OP
        if op not in _OPS:
            raise InvalidInput(f"op is {_shown(op)}; write mark or unmark.")
        return Event(
            _id(user, "user_id"),
            _id(restaurant, "restaurant_id"),
            self._time(time),
            cast(Literal["mark", "unmark"], op),
        )

    def _time(self, text: str) -> str:
        if len(text) > _MAX_TIME_CHARACTERS:
            raise InvalidInput(f"created_at is no timestamp: {_shown(text)}.")
        time = canonical_time(parse_time(text))
        if time > self._latest:
            raise InvalidInput(
                f"The time {text} lies more than a day in the future; correct it or the clock."
            )
        return time


def _is_binary(first_line: str) -> bool:
    if any(character < " " and character != "\t" for character in first_line):
        return True
    # A header may have a column in another encoding, but then it has our columns as well.
    return "user_id" not in first_line and _is_no_utf8(first_line)


def _is_no_utf8(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _id(text: str, what: str) -> str:
    if _is_no_utf8(text):
        raise InvalidInput(f"The {what} is not in UTF-8; save the file as UTF-8.")
    return check_id(text, what)


def _shown(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 40 else shown[:36] + "...'"
