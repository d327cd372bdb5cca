"""A store URL becomes a store: of favorites, or of whatever it keeps."""

from tallies.core.declaration import Declaration
from tallies.core.errors import InvalidStoreUrl, StoreError
from tallies.favorites.favorite import FavoritesStore
from tallies.stores.open import DEFAULT_URL, open_store, parse_sqlite_url
from tallies.stores.protocol import Store


def open_favorites(url: str = DEFAULT_URL, declared: Declaration | None = None) -> FavoritesStore:
    """Open the store of favorites that a URL names. Nothing is made or asked yet.

    Raises:
        InvalidStoreUrl: the URL is of no known form.
        InvalidTally: it is no declaration of favorites.
        StoreError: what the store needs is not installed.
    """
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        from tallies.favorites.on_sqlite import SqliteFavorites

        path, prefix, synchronous = parse_sqlite_url(url)
        return SqliteFavorites(path, declared, prefix=prefix, synchronous=synchronous)
    if scheme == "dynamodb":
        try:
            from tallies.favorites.on_dynamodb import DynamoFavorites
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] == "tallies":
                raise
            raise StoreError(
                f"DynamoDB needs the package {missing.name}; install tallies[aws]."
            ) from missing
        return DynamoFavorites.from_url(url, declared)
    raise InvalidStoreUrl(
        f"{url!r} is no store URL; write sqlite:///file.db (four slashes for an absolute path) or"
        " dynamodb://REGION/PREFIX."
    )


def open_any(url: str = DEFAULT_URL, declared: Declaration | None = None) -> Store:
    """Open the store that a URL names, of favorites unless another table is declared.

    One that keeps the tallies of another table already is read as what it is.

    Raises:
        InvalidStoreUrl: the URL is of no known form.
        InvalidTally: the declaration is none for this store.
        StoreError: what the store needs is not installed.
    """
    if declared is not None and declared.table is not None:
        return open_store(url, declared)
    return open_favorites(url, declared)
