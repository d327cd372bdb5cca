"""Store URLs of SQLite: `sqlite:///file.db?prefix=tallies&synchronous=normal`."""

from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tallies.core.errors import InvalidStoreUrl
from tallies.stores.sqlite.connection.database import Synchronous
from tallies.stores.sqlite.rows.names import DEFAULT_PREFIX


class Location(NamedTuple):
    """Where a store is, and how it is opened."""

    path: str
    prefix: str
    synchronous: Synchronous

    @property
    def url(self) -> str:
        """The URL, as short as it can be."""
        options = {}
        if self.prefix != DEFAULT_PREFIX:
            options["prefix"] = self.prefix
        if self.synchronous != "normal":
            options["synchronous"] = self.synchronous
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"sqlite:///{quote(self.path, safe='/ ')}{'?' if query else ''}{query}"


def parse_url(url: str) -> Location:
    """Read a store URL.

    Raises:
        InvalidStoreUrl: it names no file, or something unknown.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    synchronous = options.pop("synchronous", "normal")
    prefix = options.pop("prefix", DEFAULT_PREFIX)
    path = unquote(parts.path)[1:]
    if parts.netloc or not path or path == ":memory:" or parts.fragment:
        raise InvalidStoreUrl(f"{url!r} names no file; write sqlite:///file.db.")
    if options:
        raise InvalidStoreUrl(f"{url!r}: unknown option {next(iter(options))!r}.")
    match synchronous:
        case "normal" | "full":
            return Location(path, prefix, synchronous)
        case _:
            raise InvalidStoreUrl(f"{url!r}: synchronous is normal or full.")
