"""The aggregator as a Lambda function: of favorites, unless another table is declared for it.

Handler: `tallies.favorites.aws_aggregator.handler`.
"""

from tallies.core.declaration.declaration import Declaration
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.runtimes import aws_lambda
from tallies.runtimes.aws_lambda import handler
from tallies.stores.dynamodb.store import DynamoStore

__all__ = ["handler"]


def _open(url: str, declared: Declaration | None) -> DynamoStore:
    if declared is not None and declared.table is not None:
        return DynamoStore.from_url(url, declared, strictly=False)
    return DynamoFavorites.from_url(url, declared, strictly=False)


aws_lambda.start(_open)
