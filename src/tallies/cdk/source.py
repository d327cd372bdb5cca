"""The source of a stack: a table whose stream suffices, in the region and account of the stack."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import InvalidInput
from tallies.stores.dynamodb.stream.records import VIEW_TYPE
from tallies.stores.dynamodb.stream.stream import check_stream


def check_source(
    scope: Construct, table: dynamodb.ITable | None, declared: Declaration | None
) -> None:
    """Check that the tallies can be kept from this table.

    Raises:
        InvalidInput: the declaration is of another table, or the table is elsewhere.
        WrongStore: its stream does not suffice.
    """
    named = None if declared is None else declared.table
    if table is None:
        if named is not None:
            raise InvalidInput(f"The declaration is of the table {named}; give it as `table`.")
        return
    made = _resource_of(table)
    known = _first_known(getattr(made, "table_name", None), table.table_name)
    name = known or named or table.node.path
    if declared is None:
        raise InvalidInput(f"Give the declaration of what to tally of the table {name}.")
    if known is not None and named not in (None, known):
        raise InvalidInput(f"The declaration is of the table {named}, and `table` is {known}.")
    arn = table.table_stream_arn
    check_stream(name, _specification(arn, made))
    stack = cdk.Stack.of(scope)
    region, account = table.env.region, table.env.account
    if arn is not None and not cdk.Token.is_unresolved(arn):
        region, account = arn.split(":")[3:5]
    for what, there, here in (
        ("region", region, stack.region),
        ("account", account, stack.account),
    ):
        are_known = not any(cdk.Token.is_unresolved(each) for each in (there, here))
        if are_known and there != here:
            raise InvalidInput(
                f"The table {name} is in the {what} {there} and its tallies would be in {here};"
                f" make them in a stack of {there}."
            )


def _resource_of(table: dynamodb.ITable) -> cdk.CfnResource | None:
    """What makes the table; None for one that is only referred to."""
    made = table.node.default_child
    return made if isinstance(made, cdk.CfnResource) else None


def _first_known(*names: str | None) -> str | None:
    known = (name for name in names if name and not cdk.Token.is_unresolved(name))
    return next(known, None)


def _specification(arn: str | None, made: cdk.CfnResource | None) -> Mapping[str, Any]:
    """The table's stream, as DynamoDB would describe it; of one made elsewhere, the best of it."""
    if made is None:
        return {"StreamEnabled": arn is not None, "StreamViewType": VIEW_TYPE}
    # A property of its own would be read as a structure, which a TableV2 has not made yet.
    found = cdk.Stack.of(made).resolve(made._cfn_properties.get("streamSpecification"))
    return {
        "StreamEnabled": found is not None,
        "StreamViewType": (found or {}).get("streamViewType"),
    }
