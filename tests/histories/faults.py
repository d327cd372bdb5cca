"""A client between the product and its database, on which everything fails that can."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from tests.histories.fake import FakeDynamoDB, error
from tests.histories.schedule import die, pause

_URL = "http://localhost"

FAULTS = (
    "throttle",
    "conflict",
    "gateway",
    "unsent",
    "answer lost",
    "comes late",
    "crash before",
    "crash after",
)


@dataclass
class SimulatedTime:
    """A clock that only the history moves."""

    seconds: float

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        pause()


@dataclass
class Network:
    """What is between all clients and the one database."""

    database: FakeDynamoDB
    random: Random
    time: SimulatedTime
    rates: Mapping[str, float]
    """Fault -> how often a request meets it."""
    script: list[str | None] = field(default_factory=list)
    """The faults of the next requests, before chance takes over."""
    late: list[Callable[[], None]] = field(default_factory=list)
    """Requests that nobody waits for any more, and that will still arrive."""
    under_way: set[str] = field(default_factory=set)
    """Tokens of those."""
    met: dict[str, int] = field(default_factory=dict)
    """How often each fault has come up."""
    log: list[str] = field(default_factory=list)

    def client(self, name: str) -> "FaultyClient":
        return FaultyClient(self, name)

    def arrive(self) -> None:
        """Let one of the late requests arrive."""
        self.late.pop(self.random.randrange(len(self.late)))()


class FaultyClient:
    """One actor's client."""

    meta = None

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self._name = name

    def transact_write_items(self, **request: Any) -> Any:
        return self._send("transact_write_items", request)

    def update_item(self, **request: Any) -> Any:
        return self._send("update_item", request)

    def put_item(self, **request: Any) -> Any:
        return self._send("put_item", request)

    def get_item(self, **request: Any) -> Any:
        return self._send("get_item", request)

    def batch_get_item(self, **request: Any) -> Any:
        return self._send("batch_get_item", request)

    def transact_get_items(self, **request: Any) -> Any:
        return self._send("transact_get_items", request)

    def query(self, **request: Any) -> Any:
        return self._send("query", request)

    def _send(self, operation: str, request: dict[str, Any]) -> Any:
        pause()
        network = self._network
        fault = self._fault()
        if network.random.random() < network.rates.get("long pause", 0):
            network.time.seconds += network.random.choice([1, 30, 700, 1200])
        token = request.get("ClientRequestToken", "")
        if token and token in network.under_way:
            raise error("TransactionInProgressException")
        network.log.append(f"{self._name}: {operation} {fault or ''}")
        act = getattr(network.database, operation)
        match fault:
            case "throttle":
                raise error("ThrottlingException", operation)
            case "gateway":
                raise error("502", operation)
            case "conflict" if operation == "transact_write_items":
                reasons = ["None"] * len(request["TransactItems"])
                reasons[network.random.randrange(len(reasons))] = "TransactionConflict"
                raise error("TransactionCanceledException", operation, *reasons)
            case "conflict":
                raise error("TransactionConflictException", operation)
            case "unsent":
                raise network.random.choice([ConnectTimeoutError, EndpointConnectionError])(
                    endpoint_url=_URL
                )
            case "crash before":
                die()
            case "crash after":
                act(**request)
                die()
            case "answer lost":
                act(**request)
                raise network.random.choice([ReadTimeoutError, ConnectionClosedError])(
                    endpoint_url=_URL
                )
            case "comes late":
                network.under_way.add(token)  # an update has none, and asks about none

                def arrive() -> None:
                    network.under_way.discard(token)
                    try:
                        act(**request)
                    except Exception as refused:  # noqa: BLE001 # nobody hears the answer
                        network.log.append(f"{self._name}: late {operation} {refused}")
                    else:
                        network.log.append(f"{self._name}: late {operation}")

                network.late.append(arrive)
                raise ReadTimeoutError(endpoint_url=_URL)
        return act(**request)

    def _fault(self) -> str | None:
        if self._network.script:
            return self._network.script.pop(0)
        drawn = self._network.random.random()
        for fault in FAULTS:
            drawn -= self._network.rates.get(fault, 0)
            if drawn < 0:
                self._network.met[fault] = self._network.met.get(fault, 0) + 1
                return fault
        return None
