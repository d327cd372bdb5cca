"""The two formats of an event log: a line, or a block of lines, to the four fields of events."""

import csv
import json
from collections.abc import Sequence
from decimal import Decimal
from io import StringIO
from typing import Any, NamedTuple, Protocol, Self

from tallies.core.errors import InvalidInput
from tallies.favorites.logs.lines import MAX_LINE_CHARACTERS

REQUIRED = ("user_id", "restaurant_id", "created_at")
OP = "op"
DEFAULT_OP = "mark"
BYTE_ORDER_MARK = "\ufeff"
"""Of a file in UTF-8: it is no part of the first line."""

_ID_KINDS = frozenset({str, int})  # ids are often numbers, and JSON tells them apart
_KINDS = dict.fromkeys(REQUIRED, _ID_KINDS) | {"created_at": _ID_KINDS | {float}}


class Fields(NamedTuple):
    """The fields of one line as written; or the columns of a block, one after another."""

    user_id: Any
    restaurant_id: Any
    created_at: Any
    op: Any


class OpenQuote(InvalidInput):
    """A CSV line that ends inside a quoted field. The record may continue in the next line."""


class Format(Protocol):
    """A way to write an event on a line."""

    def fields(self, line: str) -> Fields:
        """The four fields of one line, as text.

        Raises:
            OpenQuote: the line ends inside a quoted field.
            InvalidInput: the line does not have them.
        """

    def columns(self, lines: Sequence[str]) -> Fields | None:
        """The four columns of a block, much faster; None where a line needs to be looked at."""

    def header_at_end(self, line: str) -> "tuple[str, Format] | None":
        """What comes before the header that a line ends with, and how to read what follows it.

        None for a line that ends with no header. Joined logs have one at the beginning of each, and
        where the log before lacked its last line break, after its last event.
        """


class Csv:
    """CSV with a header line; columns in any order, others are ignored.

    Raises:
        InvalidInput: it is not a header; `name` is what to call the file.
    """

    def __init__(self, header_line: str, name: str) -> None:
        if len(header_line) > MAX_LINE_CHARACTERS:
            raise InvalidInput(
                f"The first line of {name} is longer than {MAX_LINE_CHARACTERS:,} characters,"
                " and so no CSV header."
            )
        try:
            header = [column.strip() for column in next(csv.reader([header_line], strict=True))]
        except csv.Error as error:
            raise InvalidInput(f"The first line of {name} is no CSV header: {error}.") from error
        for column in REQUIRED:
            if column not in header:
                raise InvalidInput(
                    f"{name} has no column {column}; the first line of a CSV log names its"
                    " columns, with commas: user_id,restaurant_id,created_at[,op]."
                )
        for column in (*REQUIRED, OP):
            if header.count(column) > 1:
                raise InvalidInput(f"{name} has the column {column} twice; remove one of them.")
        self._header = header_line
        self._name = name
        self._width = len(header)
        self._places = [header.index(column) for column in REQUIRED]
        self._op = header.index(OP) if OP in header else None

    def fields(self, line: str) -> Fields:
        _check_length(line)
        try:
            # A record of several lines comes here as one text, and the reader wants it in lines.
            row = next(csv.reader(StringIO(line, newline="\n"), strict=True), [])
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise OpenQuote("A quoted field is not closed.") from None
            what = "record" if "\n" in line else "line"
            raise InvalidInput(f"The {what} is no CSV: {error}.") from None
        if len(row) != self._width:
            what = "record" if "\n" in line else "line"
            raise InvalidInput(
                f"The {what} has {len(row)} field{'s'[: len(row) != 1]}, the header {self._width}."
            )
        user, restaurant, time = self._places
        op = DEFAULT_OP if self._op is None else row[self._op]
        return Fields(row[user], row[restaurant], row[time], op)

    def columns(self, lines: Sequence[str]) -> Fields | None:
        if len(max(lines, key=len)) > MAX_LINE_CHARACTERS:
            return None
        try:
            rows = list(csv.reader(lines, strict=True))
            columns = list(zip(*rows, strict=True))
        except (csv.Error, ValueError):
            return None
        # As many rows as lines: none of them goes over a line break.
        if len(rows) != len(lines) or len(columns) != self._width:
            return None
        user, restaurant, time = self._places
        ops = (DEFAULT_OP,) * len(lines) if self._op is None else columns[self._op]
        return Fields(columns[user], columns[restaurant], columns[time], ops)

    def header_at_end(self, line: str) -> tuple[str, Self] | None:
        if line.endswith(self._header):
            return line.removesuffix(self._header).removesuffix(BYTE_ORDER_MARK), self
        try:
            return "", type(self)(line.removeprefix(BYTE_ORDER_MARK), self._name)
        except InvalidInput:
            return None


class Ndjson:
    """A JSON object on each line, with the names of the columns as keys."""

    def __init__(self) -> None:
        self._decode = json.JSONDecoder().raw_decode

    def fields(self, line: str) -> Fields:
        _check_length(line)
        found = _decoded(line.removeprefix(BYTE_ORDER_MARK))
        if not isinstance(found, dict):
            raise InvalidInput("The line is no JSON object.")
        for name, kinds in _KINDS.items():
            if name not in found:
                raise InvalidInput(f"The line has no {name}.")
            if type(found[name]) not in kinds:
                raise InvalidInput(f"{name} is no text.")
        op = found.get(OP)
        if op is not None and not isinstance(op, str):
            raise InvalidInput("op is no text; write mark or unmark.")
        user, restaurant, time = (_text(found[name]) for name in REQUIRED)
        return Fields(user, restaurant, time, DEFAULT_OP if op is None else op)

    def columns(self, lines: Sequence[str]) -> Fields | None:
        if len(max(lines, key=len)) > MAX_LINE_CHARACTERS:
            return None
        try:
            decoded = list(map(self._decode, lines))
            if [end for _, end in decoded] != list(map(len, lines)):
                return None
            objects = [found for found, _ in decoded]
            users, restaurants, times = (
                _texts([found[name] for found in objects], kinds) for name, kinds in _KINDS.items()
            )
            ops = [found.get(OP, DEFAULT_OP) for found in objects]
        except (ValueError, RecursionError, LookupError, TypeError):
            return None
        return Fields(users, restaurants, times, ops) if set(map(type, ops)) == {str} else None

    def header_at_end(self, line: str) -> None:
        """JSON has none."""


def _decoded(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and line.lstrip().startswith("{"):
            raise InvalidInput(
                "The line goes on after its JSON; write one object on each line."
            ) from None
        raise InvalidInput("The line is no JSON; write one object on each line.") from None
    except RecursionError:
        raise InvalidInput("The line is no JSON, or nested too deeply to be read.") from None
    except ValueError:
        # It is JSON, with a whole number that is too long for Python to count with.
        return json.loads(line, parse_int=str)


def _texts(values: Sequence[Any], kinds: frozenset[type]) -> Sequence[str]:
    found = set(map(type, values))
    if found == {str}:
        return values
    if found <= kinds:
        return list(map(_text, values))
    raise TypeError


def _text(value: str | float) -> str:
    # Never with an exponent: times that are numbers are read digit by digit.
    return f"{Decimal(repr(value)):f}" if isinstance(value, float) else str(value)


def _check_length(line: str) -> None:
    if len(line) > MAX_LINE_CHARACTERS:
        raise InvalidInput(f"The line is longer than {MAX_LINE_CHARACTERS:,} characters.")
