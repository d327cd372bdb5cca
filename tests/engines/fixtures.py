"""Fixtures for tests on real parts: `pytest_plugins = ["tests.engines.fixtures"]`.

A missing engine skips the test and says why; in CI (`CI=true`) it fails it, so that a green run
always means that the real parts were there.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Protocol

import pytest

from .dynamodb import DynamoDBAccount, dynamodb_local
from .errors import EngineMissingError
from .lambda_rie import LambdaFunction, lambda_runtime
from .nginx import nginx


class StartLambda(Protocol):
    """Like `lambda_runtime`, but stopped at the end of the test rather than of a block."""

    def __call__(
        self,
        handler: str,
        env: dict[str, str] | None = None,
        *,
        function_timeout_seconds: int = 60,
    ) -> LambdaFunction: ...


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


@contextlib.contextmanager
def missing_engine_skips() -> Iterator[None]:
    try:
        yield
    except EngineMissingError as error:
        if in_ci():
            pytest.fail(f"{error} (in CI a missing engine is a failure)", pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def dynamodb_endpoint() -> Iterator[str]:
    """One DynamoDB Local for the whole run."""
    with contextlib.ExitStack() as stack:
        with missing_engine_skips():
            endpoint = stack.enter_context(dynamodb_local())
        yield endpoint


@pytest.fixture
def dynamodb_account(dynamodb_endpoint: str) -> Iterator[DynamoDBAccount]:
    """An empty account on the run's DynamoDB Local; its tables go at the end of the test.

    For tables that outlive a test make a `DynamoDBAccount(dynamodb_endpoint, "somename")`.
    """
    account = DynamoDBAccount(dynamodb_endpoint, access_key="pertest")
    yield account
    account.wipe()


@pytest.fixture
def aws_environment(
    dynamodb_account: DynamoDBAccount,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> DynamoDBAccount:
    """The same account, and this process's environment set to use it and no other."""
    # What a verify that failed has gathered is kept for the next one.
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("gathered")))
    use_no_other(dynamodb_account, monkeypatch)
    return dynamodb_account


@contextlib.contextmanager
def account_for_several(endpoint: str, access_key: str) -> Iterator[DynamoDBAccount]:
    """An account that this process uses for the length of the block, for a fixture of a wider
    scope than a test; its tables go at the end."""
    account = DynamoDBAccount(endpoint, access_key)
    with pytest.MonkeyPatch.context() as patch:
        use_no_other(account, patch)
        yield account
    account.wipe()


def use_no_other(account: DynamoDBAccount, patch: pytest.MonkeyPatch) -> None:
    """Set this process's environment to use an account, as long as the patch lasts."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    for name, value in account.env.items():
        patch.setenv(name, value)


class StartNginx(Protocol):
    """Like `nginx`, but stopped at the end of the test rather than of a block."""

    def __call__(self, locations: str) -> str: ...


@pytest.fixture
def start_nginx() -> Iterator[StartNginx]:
    with contextlib.ExitStack() as stack:

        def start(locations: str) -> str:
            with missing_engine_skips():
                return stack.enter_context(nginx(locations))

        yield start


@pytest.fixture
def start_lambda() -> Iterator[StartLambda]:
    with contextlib.ExitStack() as stack:

        def start(
            handler: str,
            env: dict[str, str] | None = None,
            *,
            function_timeout_seconds: int = 60,
        ) -> LambdaFunction:
            with missing_engine_skips():
                return stack.enter_context(
                    lambda_runtime(handler, env, function_timeout_seconds=function_timeout_seconds)
                )

        yield start
