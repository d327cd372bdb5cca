"""Names of restaurants: what people read where the stores know only ids."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tallies.core.errors import InvalidInput
from tallies.core.ids import check_id
from tallies.favorites.logs.lines import MAX_LINE_CHARACTERS, Lines

MAX_NAME_CHARACTERS = 500


class Restaurant(NamedTuple):
    """A restaurant as people know it."""

    id: str
    name: str
    cuisine: str | None = None


Catalogue = Mapping[str, Restaurant]
"""Restaurants by id."""


def read_names(path: Path) -> dict[str, Restaurant]:
    """Read a CSV file (plain or gzip) with the header `restaurant_id,name[,cuisine]`.

    A column `title` serves as `name`; columns may be in any order among others. Of two lines with
    one id, the later one counts.

    Raises:
        InvalidInput: the file cannot be read, or a line of it cannot be used.
    """
    with Lines(path) as lines:
        rows = csv.reader(_numbered_lines(lines), strict=True)
        try:
            return _restaurants(rows)
        except (InvalidInput, csv.Error) as error:
            # Of a line that cannot be used, say which; the header is found without a number.
            line = f", line {rows.line_num}" if rows.line_num > 1 else ""
            raise InvalidInput(f"{lines.name}{line}: {str(error).rstrip('.')}.") from error


def _restaurants(rows: Iterator[list[str]]) -> dict[str, Restaurant]:
    header = [column.strip() for column in next(rows, [])]
    titles = [column for column in ("name", "title") if column in header]
    if "restaurant_id" not in header or not titles:
        raise InvalidInput(
            "the first line must be restaurant_id,name or restaurant_id,name,cuisine"
        )
    id_at, name_at = header.index("restaurant_id"), header.index(titles[0])
    cuisine_at = header.index("cuisine") if "cuisine" in header else None
    found = {}
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            raise InvalidInput(
                f"{len(row)} fields where the header has {len(header)};"
                " put a name that holds a comma in quotes."
            )
        id_ = check_id(row[id_at], "restaurant_id")
        cuisine = None if cuisine_at is None else _tidy(row[cuisine_at]) or None
        found[id_] = Restaurant(id_, _name(row[name_at]), cuisine)
    return found


def _name(text: str) -> str:
    name = _tidy(text)
    if not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise InvalidInput(f"the name is empty or longer than {MAX_NAME_CHARACTERS} characters.")
    return name


def _tidy(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput("the text is not in UTF-8; save the file as UTF-8.")
    return " ".join(text.split())


def _numbered_lines(lines: Lines) -> Iterator[str]:
    for block in lines.blocks():
        for line in block:
            if len(line) > MAX_LINE_CHARACTERS:
                raise InvalidInput(f"a line is longer than {MAX_LINE_CHARACTERS:,} characters.")
            yield line + "\n"
    if lines.damage:
        raise InvalidInput(lines.damage)
