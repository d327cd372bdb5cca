"""Tables for people, at any width: values are never broken, so that they can be read and copied.

Where a value is longer than its column (an id may have 1,024 bytes), what follows in its row goes
on below it, each value in its own column. Only prose is wrapped, between words.
"""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size

GAP = 2
"""Spaces between columns."""
LEAST_ID, LEAST_PROSE = 12, 20
"""Cells that a column keeps when the terminal is narrow, if it has so many."""

_ELLIPSIS = "…"
_LEFT_TO_RIGHT = "\u200e"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
# Of control characters, surrogates and separators of lines a terminal makes anything but a sign;
# embeddings and isolates turn round what comes after them.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_HIDDEN_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def visible(text: str) -> str:
    r"""A text on one line, with an escape in the place of whatever has no sign of its own.

    >>> print(visible("fish\u2028chips\x1b[31m"))
    fish\u2028chips\x1b[31m
    """
    if text.isprintable():
        return text
    return "".join(
        _escaped(character) if _is_hidden(character) else character for character in text
    )


def _is_hidden(character: str) -> bool:
    return (
        unicodedata.category(character) in _HIDDEN_CATEGORIES
        or unicodedata.bidirectional(character) in _HIDDEN_DIRECTIONS
    )


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def shortened(text: str, width: int) -> str:
    """A text of one line in at most so many cells; what is left out is shown by an ellipsis."""
    text = visible(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - cell_len(_ELLIPSIS))).rstrip() + _ELLIPSIS


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many cells, broken between words only: a longer word stays whole."""
    lines, room = [""], width
    for word in visible(text).split(" "):
        taken = cell_len(word)
        if lines[-1] and taken + 1 > room:
            lines.append("")
            room = width
        elif lines[-1]:
            lines[-1] += " "
            room -= 1
        lines[-1] += word
        room -= taken
    return lines


def shown(value: object) -> str:
    """A value as people read it."""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    return f"{value:.2f}" if isinstance(value, float) else visible(str(value))


@dataclass(frozen=True, slots=True)
class Column:
    """A column and how wide it may be."""

    heading: str
    values: Sequence[str]
    is_number: bool
    """Numbers are set to the right."""
    is_prose: bool

    @property
    def natural(self) -> int:
        """Cells that it takes if nothing of it is to go on below."""
        return max(cell_len(self.heading), self._whole)

    @property
    def folded(self) -> int:
        """Cells that it takes with its heading and its prose wrapped."""
        if self.is_prose:
            return min(self.natural, max(LEAST_PROSE, self._word))
        return max(self._whole, self._word)

    @property
    def least(self) -> int:
        """Cells that it keeps however narrow the terminal is."""
        if self.is_number or self.is_prose:
            return self.folded
        return min(self.folded, max(LEAST_ID, self._word))

    @property
    def _whole(self) -> int:
        return max(map(cell_len, self.values), default=0)

    @property
    def _word(self) -> int:
        return max(map(cell_len, self.heading.split(" ")))


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    width: int | None = None,
    prose: Collection[str] = (),
) -> Iterator[list[str]]:
    """The lines of each row, first of the headings, for a terminal of this width; None for a file.

    `prose` names the columns that may be wrapped.
    """
    columns = [
        Column(
            heading,
            [shown(row[index]) for row in rows],
            bool(rows) and all(isinstance(row[index], int | float | Decimal) for row in rows),
            heading in prose,
        )
        for index, heading in enumerate(headings)
    ]
    widths = _widths(columns, width)
    heads = [wrapped(heading, room) for heading, room in zip(headings, widths, strict=True)]
    height = max(map(len, heads))
    heads = [[""] * (height - len(head)) + head for head in heads]
    yield list(_lines(columns, heads, widths, is_screen=width is not None))
    for cells in zip(*(column.values for column in columns), strict=True):
        parts = [
            wrapped(cell, room) if column.is_prose else [cell]
            for column, cell, room in zip(columns, cells, widths, strict=True)
        ]
        yield list(_lines(columns, parts, widths, is_screen=width is not None))


def _widths(columns: Sequence[Column], width: int | None) -> list[int]:
    widths = [column.natural for column in columns]
    if width is None:
        return widths
    too_many = sum(widths) + GAP * (len(columns) - 1) - width
    for floors in ([each.folded for each in columns], [each.least for each in columns]):
        while too_many > 0 and widths != floors:
            # The widest gives up first, down to the width of the next.
            can = [at for at, floor in enumerate(floors) if widths[at] > floor]
            widest = max(can, key=widths.__getitem__)
            others = [widths[at] for at in can if widths[at] < widths[widest]]
            given = min(too_many, max(1, widths[widest] - max([floors[widest], *others])))
            widths[widest] -= given
            too_many -= given
    return widths


def _lines(
    columns: Sequence[Column],
    parts: Sequence[Sequence[str]],
    widths: Sequence[int],
    *,
    is_screen: bool,
) -> Iterator[str]:
    """The lines of one row, of which each value may have several."""
    for cells in zip_longest(*parts, fillvalue=""):
        line, at = "", 0
        for column, cell, width in zip(columns, cells, widths, strict=True):
            has = cell_len(line)
            if cell and at and has > at - GAP:  # the value before is longer than its column
                yield line
                line, has = "", 0
            room = at - has
            if is_screen and room > 0 and is_right_to_left(line.rpartition(_LEFT_TO_RIGHT)[2]):
                # Or a terminal that knows of directions would set the next number to the left.
                line += " " + _LEFT_TO_RIGHT + " " * (room - 1)
            else:
                line += " " * room
            line += " " * max(0, width - cell_len(cell)) + cell if column.is_number else cell
            at += width + GAP
        yield line.rstrip(" " + _LEFT_TO_RIGHT)


def is_right_to_left(text: str) -> bool:
    """Whether a part of a text is read from right to left."""
    return not text.isascii() and any(
        unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text
    )
