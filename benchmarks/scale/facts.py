"""Every number that the simulation stands on, with where it comes from."""

from dataclasses import dataclass
from typing import Literal

from tallies.runtimes.aws_lambda import MARGIN_SECONDS
from tallies.stores.dynamodb.apply.in_rows.amounts import MAX_ROWS
from tallies.stores.dynamodb.apply.in_rows.apply import ROWS_AT_ONCE
from tallies.stores.dynamodb.apply.transactions import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MAX_ACTIONS,
)
from tallies.stores.dynamodb.client.paging import MAX_KEYS

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
NEW_TABLE_WRITES = Fact(
    "writes that a new table on demand takes",
    4_000,
    "units/s",
    "service",
    f"{_DYNAMODB}, on-demand capacity; so it has four partitions at least",
)
HEADROOM = Fact(
    "times its highest rate so far that a table on demand takes at once",
    2,
    "",
    "service",
    f"{_DYNAMODB}, on-demand capacity; so it has that many more partitions",
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
ENTRY_UNITS = Fact(
    "write units of a row that is new in an index",
    1,
    "units",
    "service",
    f"{_DYNAMODB}, global secondary indexes",
)
UNIT_BYTES = Fact(
    "what one write unit writes of an item", 1_024, "bytes", "service", f"{_DYNAMODB}, write units"
)
CORE_MEGABYTES = Fact(
    "memory that has one processor; less has its share of it",
    1_769,
    "MB",
    "service",
    f"{_LAMBDA}, function memory",
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
    "stores/dynamodb/apply/transactions.py; the service's own limit",
)
FIRST_PAUSE = Fact(
    "ceiling of the first random pause before a retry; doubles each time",
    FIRST_PAUSE_SECONDS,
    "s",
    "product",
    "stores/dynamodb/apply/transactions.py",
)
LONGEST_PAUSE = Fact(
    "ceiling of the last",
    LONGEST_PAUSE_SECONDS,
    "s",
    "product",
    "stores/dynamodb/apply/transactions.py",
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
AT_ONCE = Fact(
    "rows that hold their own positions, written side by side by one invocation",
    ROWS_AT_ONCE,
    "rows",
    "product",
    "stores/dynamodb/apply/in_rows/apply.py",
)
REMEMBERED_ROWS = Fact(
    "rows that a function remembers, which change their bucket by their own write",
    MAX_ROWS,
    "rows",
    "product",
    "stores/dynamodb/apply/in_rows/amounts.py",
)
LOOKED_AT = Fact(
    "rows of one look at what transactions have written",
    MAX_KEYS,
    "rows",
    "product",
    "stores/dynamodb/client/paging.py; the service's own limit",
)
POSITION_BYTES = Fact(
    "what a row holds for each shard that it has records of",
    24,
    "bytes",
    "product",
    "stores/dynamodb/apply/in_rows/slot.py",
)
ROW_BYTES = Fact(
    "what it holds besides, a restaurant's id of 40 included",
    130,
    "bytes",
    "product",
    "a row as the apply writes it",
)
MEMORY_MEGABYTES = Fact("memory of the function", 1_769, "MB", "product", "deploy/template.yaml")
UPDATE_SECONDS = Fact(
    "one update of a row",
    0.005,
    "s",
    "assumed",
    "one round trip inside a region, as above; DynamoDB Local alone takes 1.2 ms",
)
UPDATE_CLIENT_SECONDS = Fact(
    "processor time of a whole core for one row that is written by itself",
    0.0011,
    "s",
    "measured",
    "python -m benchmarks.scale.one_by_one",
)
CLIENT_SECONDS = Fact(
    "the same for one transaction of 100 actions, or a look at 100 rows",
    0.0015,
    "s",
    "measured",
    "benchmarks/README.md; the look is assumed to take as much",
)
BATCH_SECONDS = Fact(
    "the same for a batch of one record, all in all",
    0.005,
    "s",
    "measured",
    "python -m benchmarks --only handler",
)
RECORD_SECONDS = Fact(
    "the same for each record more, decoded and folded",
    0.00001,
    "s",
    "measured",
    "python -m benchmarks --only handler",
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
