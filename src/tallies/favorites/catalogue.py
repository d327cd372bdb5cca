"""Names of restaurants: what people read where the stores know only ids."""

import csv
import gzip
import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tallies.core.errors import InvalidInput
from tallies.core.ids import check_id

_GZIP_MAGIC = b"\x1f\x8b"


class Restaurant(NamedTuple):
    """A restaurant as people know it."""

    id: str
    name: str
    cuisine: str | None = None


Catalogue = Mapping[str, Restaurant]
"""Restaurants by id."""


def read_names(path: Path) -> dict[str, Restaurant]:
    """Read a CSV file (plain or gzip) with the header `restaurant_id,name[,cuisine]`.

    A column `title` serves as `name`.

    Raises:
        InvalidInput: the file cannot be read, or a line of it cannot be used.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == _GZIP_MAGIC else data).decode("utf-8-sig")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInput(f"Cannot read {path}: {reason}.") from error
    except (EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is neither UTF-8 text nor gzip of it.") from error
    rows = csv.DictReader(io.StringIO(text, newline=""))
    columns = rows.fieldnames or []
    name_column = next((name for name in ("name", "title") if name in columns), None)
    if "restaurant_id" not in columns or name_column is None:
        raise InvalidInput(
            f"{path} needs a first line with restaurant_id,name and, if known, cuisine."
        )
    found = {}
    try:
        for row in rows:
            id_, name = row["restaurant_id"], row[name_column]
            if not id_ or not name:
                raise InvalidInput(f"{path}, line {rows.line_num}: the id or the name is missing.")
            found[check_id(id_, "restaurant_id")] = Restaurant(
                id_, name, row.get("cuisine") or None
            )
    except csv.Error as error:
        raise InvalidInput(f"{path}, line {rows.line_num}: {error}.") from error
    return found
