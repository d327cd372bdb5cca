"""What cannot work is refused in one sentence."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallies.core.errors import TalliesError
from tests.engines.fixtures import in_ci

if not in_ci():
    pytest.importorskip("aws_cdk", reason="the construct needs the extra cdk")

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb

from tallies.cdk import Capacity, Tallies

from .synthesised import ISSUER, ORDERS, STREAM, new_stack, orders_table


def _from_elsewhere(stack: cdk.Stack) -> dynamodb.ITable:
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
    return dynamodb.Table.from_table_attributes(
        stack, "Orders", table_arn=arn, table_stream_arn=f"{arn}/stream/2026"
    )


def _second_version(stack: cdk.Stack, view: Any) -> dynamodb.ITable:
    key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
    return dynamodb.TableV2(stack, "Orders", partition_key=key, dynamo_stream=view)


KEYS_ONLY = dynamodb.StreamViewType.KEYS_ONLY

BAD: list[tuple[Callable[[cdk.Stack], dict[str, Any]], str]] = [
    (
        lambda stack: {"table": orders_table(stack), "declaration": ORDERS},
        "The table orders has no stream",
    ),
    (
        lambda stack: {"table": orders_table(stack, stream=KEYS_ONLY), "declaration": ORDERS},
        "The stream of the table orders carries KEYS_ONLY",
    ),
    (
        lambda stack: {"table": _second_version(stack, None), "declaration": ORDERS},
        "The table orders has no stream",
    ),
    (
        lambda stack: {"table": _second_version(stack, KEYS_ONLY), "declaration": ORDERS},
        "The stream of the table orders carries KEYS_ONLY",
    ),
    (
        lambda stack: {"table": orders_table(stack, stream=STREAM)},
        "Give the declaration of what to tally of the table Shop/Orders.",
    ),
    (
        lambda stack: {
            "table": orders_table(stack, stream=STREAM, table_name="sales"),
            "declaration": ORDERS,
        },
        "The declaration is of the table orders, and `table` is sales.",
    ),
    (
        lambda stack: {"declaration": ORDERS},
        "The declaration is of the table orders; give it as `table`.",
    ),
    (lambda stack: {"declaration": "none.toml"}, "none.toml: "),
    (lambda stack: {}, "The API of favorites needs JwtIssuer and JwtAudience."),
    (
        lambda stack: {"jwt_issuer": "https://id.example"},
        "jwt_issuer and jwt_audience go together; give both, or neither.",
    ),
    (lambda stack: {**ISSUER, "jwt_issuer": "id.example"}, "jwt_issuer cannot be 'id.example': "),
    (lambda stack: {**ISSUER, "cors_origins": ["*"]}, "'*' is no origin"),
    (
        lambda stack: {
            "table": orders_table(stack, stream=STREAM),
            "declaration": ORDERS,
            "cors_origins": ["https://a.example"],
        },
        "cors_origins are of an API, which takes a jwt_issuer.",
    ),
    (lambda stack: {**ISSUER, "batch_size": 0}, "batch_size cannot be 0: "),
    (lambda stack: {**ISSUER, "log_retention": 8}, "log_retention cannot be 8: Days."),
    (
        lambda stack: {**ISSUER, "capacity": Capacity(write_units=0)},
        "write_units cannot be 0: Provisioned write units",
    ),
    (
        lambda stack: {**ISSUER, "capacity": Capacity(target_utilization=95)},
        "target_utilization cannot be 95: Percent",
    ),
    (
        lambda stack: {**ISSUER, "capacity": Capacity(max_write_units=12)},
        "max_write_units cannot be 12, less than 20, with which auto scaling begins.",
    ),
    (
        lambda stack: {**ISSUER, "capacity": Capacity(ranking_read_units=90, max_read_units=80)},
        "max_read_units cannot be 80, less than 90, with which auto scaling begins.",
    ),
    (lambda stack: {**ISSUER, "prefix": "a/b"}, "prefix cannot be 'a/b': "),
    (
        lambda stack: {**ISSUER, "prefix": stack.stack_id},
        "The prefix has to be known when the stack is synthesised.",
    ),
    (lambda stack: {**ISSUER, "code": "/nowhere"}, "/nowhere holds no package of tallies"),
]


@pytest.mark.parametrize(("given", "says"), BAD, ids=[says for _, says in BAD])
def test_what_cannot_work_is_one_sentence_when_the_stack_is_synthesised(
    given: Callable[[cdk.Stack], dict[str, Any]], says: str, code: Path, tmp_path: Path
) -> None:
    stack = new_stack(tmp_path)
    with pytest.raises(TalliesError) as caught:
        Tallies(stack, "Counts", **{"code": code, **given(stack)})
    said = str(caught.value)
    assert said.startswith(says)
    assert len(said.splitlines()) == 1


def test_a_table_of_another_region_is_refused(code: Path, tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), analytics_reporting=False)
    here = cdk.Environment(account="123456789012", region="us-east-1")
    stack = cdk.Stack(app, "Shop", env=here)
    with pytest.raises(TalliesError, match=r"^The table orders is in the region eu-west-1 and"):
        Tallies(stack, "Counts", table=_from_elsewhere(stack), declaration=ORDERS, code=code)


def test_without_node_one_sentence_says_so(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "JSII_NODE"}
    done = subprocess.run(
        [sys.executable, "-c", "from tallies.cdk import Tallies"],
        env={**environment, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: The construct needs Node")
