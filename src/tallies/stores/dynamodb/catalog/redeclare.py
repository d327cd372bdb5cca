"""A declaration that changes: from some moment on, all records go to the new tallies, too."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from tallies.core.declaration.declaration import Declaration
from tallies.stores.dynamodb.catalog.catalog import Catalog, TallyVersion
from tallies.stores.dynamodb.catalog.fence import fence
from tallies.stores.dynamodb.catalog.settings import Settings
from tallies.stores.layout import LayoutWish

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def begin(
    settings: Settings,
    declared: Declaration,
    wish: LayoutWish,
    client: "DynamoDBClient",
    make_tables: Callable[[Sequence[TallyVersion]], object],
    shards: Callable[[], Iterable[str]],
) -> Catalog:
    """Begin the epoch in which what is new in a declaration is built, or find it begun.

    In this order: the tables, so that every write finds its table; the settings, which the first
    move of every new shard checks; the positions of the existing shards. After that no record is
    applied to the old tallies alone.

    Raises:
        StoreUnavailable: another program is changing the catalog.
    """
    catalog = settings.read()
    if not catalog.is_building(declared, wish):
        following = catalog.redeclared(declared, wish)
        if following.building:
            make_tables(following.building)
        settings.move(catalog, following)
        catalog = following
    fence(client, catalog.base.tallies, shards(), catalog.epoch)
    return catalog
