"""A store on DynamoDB Local, its rows in transactions, and the function in the real runtime."""

from collections.abc import Callable, Iterator

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.conformance.backend import ManualClock
from tests.engines import DynamoDBAccount
from tests.engines.fixtures import StartLambda, account_for_several, missing_engine_skips
from tests.engines.lambda_rie import LambdaFunction, lambda_runtime
from tests.layouts import OLDER

HANDLER = "tallies.favorites.aws_aggregator.handler"
Deploy = Callable[..., LambdaFunction]


@pytest.fixture
def store(aws_environment: DynamoDBAccount) -> Iterator[DynamoFavorites]:
    url = aws_environment.store_url("app") + OLDER
    with DynamoFavorites.from_url(url, clock=ManualClock()) as store:
        store.init()
        yield store


@pytest.fixture
def deploy(
    store: DynamoFavorites, aws_environment: DynamoDBAccount, start_lambda: StartLambda
) -> Deploy:
    """Starts the function in a process of its own, as each concurrent invocation has one."""

    def start(function_timeout_seconds: int = 60, **environment: str) -> LambdaFunction:
        settings = {"TALLIES_STORE": store.url, **aws_environment.env, **environment}
        return start_lambda(HANDLER, settings, function_timeout_seconds=function_timeout_seconds)

    return start


@pytest.fixture(scope="module")
def idle(dynamodb_endpoint: str) -> Iterator[LambdaFunction]:
    """One function for all events that change nothing, over a store of its own."""
    with account_for_several(dynamodb_endpoint, "idle") as account:
        url = account.store_url("app") + OLDER
        with DynamoFavorites.from_url(url, clock=ManualClock()) as store:
            store.init()
        with (
            missing_engine_skips(),
            lambda_runtime(HANDLER, {"TALLIES_STORE": url, **account.env}) as function,
        ):
            yield function
