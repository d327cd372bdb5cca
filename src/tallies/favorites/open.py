"""A store URL becomes a store: of favorites, or of whatever it keeps."""

from collections.abc import Callable
from typing import cast

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import InvalidTally, NotInitialised
from tallies.favorites.favorite import FavoritesStore
from tallies.favorites.tally import is_of_favorites
from tallies.stores.open import DEFAULT_URL, by_scheme, open_store
from tallies.stores.protocol import Store


def open_favorites(
    url: str = DEFAULT_URL, declared: Declaration | None = None, *, strictly: bool = True
) -> FavoritesStore:
    """Open the store of favorites that a URL names. Nothing is made or read yet.

    With `strictly` off, what the URL says of a layout is for a new store on DynamoDB.

    Raises:
        InvalidStoreUrl: the URL is of no known form.
        InvalidTally: it is not a declaration of favorites.
        StoreError: what the store needs is not installed.
    """

    def on_sqlite() -> FavoritesStore:
        from tallies.favorites.on_sqlite import SqliteFavorites
        from tallies.stores.sqlite.connection.url import parse_url

        path, prefix, synchronous = parse_url(url)
        return SqliteFavorites(path, declared, prefix=prefix, synchronous=synchronous)

    def on_dynamodb() -> Callable[[], FavoritesStore]:
        from tallies.favorites.on_dynamodb import DynamoFavorites

        return lambda: DynamoFavorites.from_url(url, declared, strictly=strictly)

    return by_scheme(url, on_sqlite, on_dynamodb)


def open_any(
    url: str = DEFAULT_URL, declared: Declaration | None = None, *, strictly: bool = True
) -> Store:
    """Open the store that a URL names, as what it keeps or is to keep: of favorites unless another
    table is declared, or was. `strictly` is as for `open_favorites`.

    Raises:
        InvalidStoreUrl: the URL is of no known form.
        InvalidTally: the declaration does not suit this store.
        StoreError: what the store needs is not installed, or it cannot be read.
    """
    if declared is not None and declared.table is not None:
        return open_store(url, declared, strictly=strictly)
    favorites = open_favorites(url, declared, strictly=strictly)
    if declared is None and keeps_another_table(favorites):
        favorites.close()
        return open_store(url, strictly=strictly)
    return favorites


def favorites_in(store: Store) -> FavoritesStore | None:
    """The store as one of favorites; None when it is of another table."""
    return cast("FavoritesStore", store) if hasattr(type(store), "favorites_table") else None


def check_favorites(store: FavoritesStore) -> None:
    """Check that a store counts the favorites of restaurants.

    Raises:
        InvalidTally: it keeps something else.
        StoreError: the store cannot be read.
    """
    if not keeps_another_table(store):
        return
    if store.source == store.favorites_table:
        raise InvalidTally(
            f"{store.url} does not count favorites of restaurants: other tallies of its table"
            f" {store.source} were declared; that table's own program writes it."
        )
    raise InvalidTally(
        f"{store.url} does not count favorites of restaurants but the table {store.source};"
        " that table's own program writes it."
    )


def keeps_another_table(store: FavoritesStore) -> bool:
    """Whether a store that was opened for favorites keeps the tallies of somebody's own table.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        return store.source != store.favorites_table or not is_of_favorites(store.of)
    except NotInitialised:
        return False
