"""Every number that the simulation stands on, with where it comes from."""

from dataclasses import dataclass
from typing import Literal

from tallies.runtimes.aws_lambda import MARGIN_SECONDS
from tallies.stores.dynamodb.transactions import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MAX_ACTIONS,
)

Kind = Literal["service", "product", "measured", "assumed"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A number and what vouches for it."""

    what: str
    value: float
    unit: str
    kind: Kind
    """Of the service (documented), of the product (imported from it, or its template), measured by
    this repository, or assumed."""
    source: str


_DYNAMODB = "DynamoDB Developer Guide"
_LAMBDA = "Lambda Developer Guide"

PARTITION_UNITS = Fact(
    "write units of a partition, a single hot item included",
    1_000,
    "units/s",
    "service",
    f"{_DYNAMODB}, partition key design",
)
UNITS_IN_TRANSACTION = Fact(
    "write units of one item up to 1 KB inside a transaction",
    2,
    "units",
    "service",
    f"{_DYNAMODB}, transaction capacity",
)
INDEX_UNITS = Fact(
    "write units of a row's move in an index; counted once, also inside a transaction",
    2,
    "units",
    "service",
    f"{_DYNAMODB}, global secondary indexes; whether a transaction doubles them is not documented",
)
POLL_SECONDS = Fact(
    "between two looks of the event source mapping at a shard (four a second)",
    0.25,
    "s",
    "service",
    f"{_LAMBDA}, DynamoDB event source",
)
PAYLOAD_BYTES = Fact(
    "largest event of an invocation", 6_000_000, "bytes", "service", f"{_LAMBDA}, quotas"
)
ACTIONS = Fact(
    "actions of a transaction, the guard included",
    MAX_ACTIONS,
    "actions",
    "product",
    "stores/dynamodb/transactions.py; the service's own limit",
)
FIRST_PAUSE = Fact(
    "ceiling of the first random pause before a retry; doubles each time",
    FIRST_PAUSE_SECONDS,
    "s",
    "product",
    "stores/dynamodb/transactions.py",
)
LONGEST_PAUSE = Fact(
    "ceiling of the last", LONGEST_PAUSE_SECONDS, "s", "product", "stores/dynamodb/transactions.py"
)
INVOCATION_SECONDS = Fact(
    "how long an invocation tries: the function's timeout less its margin",
    60 - MARGIN_SECONDS,
    "s",
    "product",
    "deploy/template.yaml and runtimes/aws_lambda.py",
)
TRANSACTION_SECONDS = Fact(
    "a transaction of 100 actions",
    0.020,
    "s",
    "measured",
    "DynamoDB Local on two shared cores; a smaller one takes its share of it and the base",
)
TRANSACTION_BASE_SECONDS = Fact(
    "the part of it that does not hang on the number of actions",
    0.005,
    "s",
    "assumed",
    "one round trip inside a region",
)
CLIENT_SECONDS = Fact(
    "the function's processor time for one transaction of 100 actions, on half a core",
    0.003,
    "s",
    "measured",
    "benchmarks/README.md: 1.5 ms on a whole core",
)
RECORD_SECONDS = Fact(
    "the function's processor time for one record, on half a core",
    0.00005,
    "s",
    "assumed",
    "decoding the event and the fold; the whole handler takes 5 ms for 100 records",
)
INVOKE_SECONDS = Fact(
    "from a batch that is complete to the function's first line, when it is warm",
    0.010,
    "s",
    "assumed",
    "small beside any batching window",
)
RECORD_BYTES = Fact(
    "a favorite's record in the event", 600, "bytes", "assumed", "an image of three attributes"
)
SPREAD = Fact(
    "spread of a transaction's time (sigma of its logarithm)",
    0.3,
    "",
    "assumed",
    "p99 is twice p50",
)
BURST_SECONDS = Fact(
    "how far ahead of its rate a partition may be used",
    1.0,
    "s",
    "assumed",
    "longer bursts put a limit off; they do not move it",
)

FACTS = tuple(value for value in globals().values() if isinstance(value, Fact))
