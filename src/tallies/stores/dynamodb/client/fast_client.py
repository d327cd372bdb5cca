"""A fast client for the few calls that applying a batch and reading a whole table consist of.

botocore's own client spends 2.5 ms of processor time on a transaction of 100 updates, two thirds of
it on checking the request against its model and on finding out, each time anew, where to send it;
and as much on every 250 rows of an answer. Callers use the service's own form of requests and
answers, so nothing need be converted. Here they are only written and read as JSON, signed and sent,
with botocore's signer, credentials and connections; answers and errors look like botocore's.
"""

import json
import socket
from base64 import b64encode
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SOCKET_OPTIONS = [
    # Head and body are two packets: with Nagle's algorithm the second one would wait 40 ms.
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
]
_SERVICE, _TARGET = "dynamodb", "DynamoDB_20120810"


class FastClient:
    """The calls of a DynamoDB client that are made most, each tried once.

    Requests may hold binary values; in answers these stay text (base64). Threads may share it.
    """

    def __init__(
        self,
        session: Session,
        region: str,
        endpoint: str,
        *,
        connect_seconds: float,
        read_seconds: float,
        connections: int,
    ) -> None:
        self.meta = SimpleNamespace(endpoint_url=endpoint, region_name=region)
        self._session = session
        self._region = region
        self._url = endpoint.rstrip("/") + "/"
        self._http = URLLib3Session(
            timeout=(connect_seconds, read_seconds),  # type: ignore[arg-type] # both are taken
            max_pool_connections=connections,
            socket_options=_SOCKET_OPTIONS,  # type: ignore[arg-type] # as above: the stubs err
        )
        self._agent = session.user_agent() + " tallies"

    def get_item(self, **arguments: Any) -> Any:
        return self._call("GetItem", arguments)

    def batch_get_item(self, **arguments: Any) -> Any:
        return self._call("BatchGetItem", arguments)

    def update_item(self, **arguments: Any) -> Any:
        return self._call("UpdateItem", arguments)

    def put_item(self, **arguments: Any) -> Any:
        return self._call("PutItem", arguments)

    def query(self, **arguments: Any) -> Any:
        return self._call("Query", arguments)

    def scan(self, **arguments: Any) -> Any:
        return self._call("Scan", arguments)

    def transact_get_items(self, **arguments: Any) -> Any:
        return self._call("TransactGetItems", arguments)

    def transact_write_items(self, **arguments: Any) -> Any:
        # As botocore does; callers that name a token keep theirs.
        arguments.setdefault("ClientRequestToken", str(uuid4()))
        return self._call("TransactWriteItems", arguments)

    def as_client(self) -> "DynamoDBClient":
        """Itself, typed as a DynamoDB client, for callers that use only the calls that it has."""
        return cast("DynamoDBClient", self)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        request = AWSRequest(
            method="POST",
            url=self._url,
            data=_encoded(arguments),
            headers={
                "X-Amz-Target": f"{_TARGET}.{operation}",
                "Content-Type": "application/x-amz-json-1.0",
                "User-Agent": self._agent,
            },
        )
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        SigV4Auth(credentials.get_frozen_credentials(), _SERVICE, self._region).add_auth(request)
        response = self._http.send(request.prepare())
        try:
            body = json.loads(response.content or b"{}")
        except ValueError:  # the page of a gateway
            body = {}
        status = {"HTTPStatusCode": response.status_code}
        if response.status_code < 300:
            return {**body, "ResponseMetadata": status}
        error = {
            "Code": str(body.get("__type", response.status_code)).rpartition("#")[2],
            "Message": body.get("message") or body.get("Message") or "",
        }
        answer: Any = {**body, "Error": error, "ResponseMetadata": status}
        raise ClientError(answer, operation)


def _binary(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is nothing that a request holds")


_ENCODER = json.JSONEncoder(
    separators=(",", ":"), check_circular=False, ensure_ascii=False, default=_binary
)


def _encoded(arguments: dict[str, Any]) -> bytes:
    try:
        return _ENCODER.encode(arguments).encode()
    except UnicodeEncodeError:  # half a surrogate pair, in the content of a parked record
        return json.dumps(arguments, default=_binary).encode()
