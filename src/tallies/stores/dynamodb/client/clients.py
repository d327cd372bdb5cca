"""Clients of AWS: time-outs, retries, and where they connect to."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from tallies.core.errors import InvalidStoreUrl
from tallies.stores.dynamodb.apply.transactions import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    is_transient,
)
from tallies.stores.dynamodb.client.explain import explain
from tallies.stores.dynamodb.client.fast_client import FastClient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_lambda import LambdaClient

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
"""DynamoDB answers in milliseconds; an answer this late is lost, and it is better to ask anew."""
ATTEMPTS = 4
"""Tries of one request, with growing random pauses between (botocore's `standard` mode)."""
CONNECTIONS = 50


class Clients:
    """The clients of one region and endpoint, made when first used; threads may share them.

    They are made from botocore alone, which boto3's clients consist of. It loads faster, and a
    Lambda function pays for loading at every cold start.
    """

    def __init__(self, region: str, endpoint: str | None = None) -> None:
        self.region = region
        self.endpoint = endpoint
        self._session = Session()
        self._making = Lock()  # botocore makes clients for one thread at a time
        self._dynamodb: DynamoDBClient | None = None
        self._once: FastClient | None = None
        self._streams: DynamoDBStreamsClient | None = None
        self._functions: LambdaClient | None = None

    @property
    def dynamodb(self) -> "DynamoDBClient":
        with self._making:
            if self._dynamodb is None:
                self._dynamodb = self._make("dynamodb")
            return self._dynamodb

    @property
    def once(self) -> "DynamoDBClient":
        """A client that tries a request once, for callers that retry by themselves.

        It has the calls that a batch or a scan is made of, and no others.
        """
        endpoint = self.dynamodb.meta.endpoint_url
        with self._making:
            if self._once is None:
                self._once = FastClient(
                    self._session,
                    self.region,
                    endpoint,
                    connect_seconds=CONNECT_SECONDS,
                    read_seconds=READ_SECONDS,
                    connections=CONNECTIONS,
                )
            return self._once.as_client()

    @property
    def scanning(self) -> "DynamoDBClient":
        """A client for whole tables: the same as `dynamodb`, but reading a page takes less time."""
        return cast("DynamoDBClient", _Scanning(self.dynamodb, self.once))

    @property
    def streams(self) -> "DynamoDBStreamsClient":
        with self._making:
            if self._streams is None:
                self._streams = self._make("dynamodbstreams")
            return self._streams

    @property
    def functions(self) -> "LambdaClient":
        with self._making:
            if self._functions is None:
                self._functions = self._make("lambda")
            return self._functions

    def close(self) -> None:
        """Close all connections."""
        for client in (self._dynamodb, self._once, self._streams, self._functions):
            if client is not None:
                client.close()
        self._dynamodb = self._once = self._streams = self._functions = None

    def _make(self, service: str):  # type: ignore[no-untyped-def] # the properties say which client
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
            # All requests are built here, from values checked before; checking their shape takes as
            # much time as all the rest of a request.
            parameter_validation=False,
            user_agent_extra="tallies",
        )
        try:
            _search_less(self._session)
            return self._session.create_client(
                service, region_name=self.region, endpoint_url=self.endpoint, config=config
            )
        except ValueError as error:  # botocore's error for an endpoint that is no URL
            raise InvalidStoreUrl(f"{error}; write endpoint=http://HOST:PORT.") from error
        except BotoCoreError as error:
            explain(error, service)


def _search_less(session: Session) -> None:
    """Let the folder of a service's model be the sign that botocore knows the service.

    Its own way is to look, for the first client and for each kind of file, into the folders of all
    four hundred services: a third of the time that the client takes to make.
    """
    loader = session.get_component("data_loader")

    def folders(_: str) -> list[str]:
        return sorted(set().union(*map(_folders_in, loader.search_paths)))

    loader.list_available_services = folders


@cache
def _folders_in(path: str) -> frozenset[str]:
    place = Path(path)
    return frozenset(each.name for each in place.iterdir()) if place.is_dir() else frozenset()


class _Scanning:
    def __init__(self, usual: "DynamoDBClient", once: "DynamoDBClient") -> None:
        self._usual = usual
        self.batch_get_item = _repeated(once.batch_get_item)
        self.query = _repeated(once.query)
        self.scan = _repeated(once.scan)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._usual, name)


def _repeated(request: Callable[..., Any]) -> Callable[..., Any]:
    """The same request, tried as often as botocore's `standard` mode does."""
    return retry(
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS),
        reraise=True,
    )(request)
