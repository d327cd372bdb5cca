"""A declaration that changes: from some moment on, all records are applied to what is new, too."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from tallies.core.declaration import Declaration
from tallies.stores.dynamodb.catalog import Catalog, Kept
from tallies.stores.dynamodb.fence import fence
from tallies.stores.dynamodb.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def begin(
    settings: Settings,
    declared: Declaration,
    ranking_shards: int | None,
    client: "DynamoDBClient",
    make_tables: Callable[[Sequence[Kept]], object],
    shards: Callable[[], Iterable[str]],
) -> Catalog:
    """Begin the epoch in which what is new in a declaration is built, or find it begun.

    In this order: the tables, so that nobody writes into the void; the settings, which the first
    move of every new shard looks at; the positions of the shards that there are. After that no
    record is applied to the old tallies alone.

    Raises:
        StoreUnavailable: somebody else changes what is kept.
    """
    catalog = settings.read()
    if not catalog.is_building(declared, ranking_shards):
        following = catalog.redeclared(declared, ranking_shards)
        if following.building:
            make_tables(following.building)
        settings.move(catalog, following)
        catalog = following
    fence(client, catalog.base.tallies, shards(), catalog.epoch)
    return catalog
