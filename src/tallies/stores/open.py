"""A store URL becomes a store."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tallies.core.errors import InvalidStoreUrl, StoreError

if TYPE_CHECKING:
    from tallies.core.declaration.declaration import Declaration
    from tallies.stores.protocol import Store

DEFAULT_URL = "sqlite:///tallies.db"
FORMS = "sqlite:///file.db (four slashes for an absolute path) or dynamodb://REGION/PREFIX"

T = TypeVar("T")


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

    def on_sqlite() -> "Store":
        from tallies.stores.sqlite import SqliteStore
        from tallies.stores.sqlite.connection.url import parse_url

        file = parse_url(url)
        return SqliteStore(file.path, declared, prefix=file.prefix, synchronous=file.synchronous)

    def on_dynamodb() -> Callable[[], "Store"]:
        from tallies.stores.dynamodb.store import DynamoStore

        return lambda: DynamoStore.from_url(url, declared, strictly=strictly)

    return by_scheme(url, on_sqlite, on_dynamodb)


def by_scheme(
    url: str, on_sqlite: Callable[[], T], on_dynamodb: Callable[[], Callable[[], T]]
) -> T:
    """Open what a URL names in the way that its scheme asks for.

    `on_dynamodb` imports what it needs, which may not be installed, and gives what opens the store.

    Raises:
        InvalidStoreUrl: the URL has another scheme.
        StoreError: a package is not installed.
    """
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        return on_sqlite()
    if scheme == "dynamodb":
        try:
            opened = on_dynamodb()
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] == "tallies":
                raise
            raise StoreError(
                f"DynamoDB needs the package {missing.name}; install tallies[aws]."
            ) from missing
        return opened()
    raise InvalidStoreUrl(f"{url!r} is no store URL; write {FORMS}.")
