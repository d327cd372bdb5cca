"""A store URL becomes a store."""

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from tallies.core.errors import InvalidStoreUrl, StoreError

if TYPE_CHECKING:
    from tallies.core.declaration.declaration import Declaration
    from tallies.stores.protocol import Store
    from tallies.stores.sqlite.connection.database import Synchronous

DEFAULT_URL = "sqlite:///tallies.db"
_FORMS = "sqlite:///file.db (four slashes for an absolute path) or dynamodb://REGION/PREFIX"


def open_store(
    url: str = DEFAULT_URL, declared: "Declaration | None" = None, *, strictly: bool = True
) -> "Store":
    """Open the store that a URL names. This creates nothing and asks no service.

    `declared` is what the store has to keep: one that keeps something else raises an error when it
    is used. None accepts what it keeps. With `strictly` off, `declared` and the layout in the URL
    apply only to a new store on DynamoDB.

    Raises:
        InvalidStoreUrl: the URL is of no known form.
        InvalidTally: the store cannot keep what is declared.
        StoreError: what the store needs is not installed.
    """
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        return _open_sqlite(url, declared)
    if scheme == "dynamodb":
        return _open_dynamodb(url, declared, strictly=strictly)
    raise InvalidStoreUrl(f"{url!r} is no store URL; write {_FORMS}.")


def _open_dynamodb(url: str, declared: "Declaration | None", *, strictly: bool) -> "Store":
    try:
        from tallies.stores.dynamodb.store import DynamoStore
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "tallies":
            raise
        raise StoreError(
            f"DynamoDB needs the package {missing.name}; install tallies[aws]."
        ) from missing
    return DynamoStore.from_url(url, declared, strictly=strictly)


def _open_sqlite(url: str, declared: "Declaration | None") -> "Store":
    from tallies.stores.sqlite import SqliteStore

    file = parse_sqlite_url(url)
    return SqliteStore(file.path, declared, prefix=file.prefix, synchronous=file.synchronous)


class SqliteLocation(NamedTuple):
    """What the URL of an embedded store says."""

    path: str
    prefix: str
    synchronous: "Synchronous"


def parse_sqlite_url(url: str) -> SqliteLocation:
    """Read `sqlite:///file.db?prefix=tallies&synchronous=normal`.

    Raises:
        InvalidStoreUrl: it names no file, or something unknown.
    """
    from tallies.stores.sqlite.rows.names import DEFAULT_PREFIX

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
            return SqliteLocation(path, prefix, synchronous)
        case _:
            raise InvalidStoreUrl(f"{url!r}: synchronous is normal or full.")
