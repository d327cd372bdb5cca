"""Updates of rows that hold their own positions: an addition, with the conditions that guard it."""

from typing import TYPE_CHECKING, Any, cast

from tallies.stores.dynamodb.apply.in_rows.amounts import Crossing
from tallies.stores.dynamodb.apply.in_rows.slot import Slot

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateItemInputTypeDef, UpdateTypeDef


def guarded(update: "UpdateTypeDef", slot: Slot, first: str, last: str) -> "UpdateItemInputTypeDef":
    """An addition that a row takes only once."""
    made: Any = {
        **update,
        "UpdateExpression": update["UpdateExpression"].replace("SET ", "SET #slot = :last, ", 1),
        "ConditionExpression": "attribute_not_exists(#slot) OR #slot < :first",
        "ExpressionAttributeNames": {
            **update["ExpressionAttributeNames"],
            "#slot": slot.attribute,
        },
        "ExpressionAttributeValues": {
            **update["ExpressionAttributeValues"],
            ":first": {"B": slot.mark(first)},
            ":last": {"B": slot.mark(last)},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if ":bucket" in update["ExpressionAttributeValues"]:
        made["ReturnValues"] = "ALL_NEW"
    return cast("UpdateItemInputTypeDef", made)


def moving(
    update: "UpdateItemInputTypeDef", crossing: Crossing, component: str
) -> "UpdateItemInputTypeDef":
    """An addition that also moves its row into another bucket, if its amount is as remembered."""
    made: Any = {
        **update,
        "UpdateExpression": update["UpdateExpression"].replace(
            "#bucket = if_not_exists(#bucket, :bucket)", "#bucket = :bucket", 1
        ),
        "ConditionExpression": f"({update['ConditionExpression']}) AND #amount = :amount",
        "ExpressionAttributeNames": {**update["ExpressionAttributeNames"], "#amount": component},
        "ExpressionAttributeValues": {
            **update["ExpressionAttributeValues"],
            ":amount": {"N": crossing.before},
            ":bucket": {"N": str(crossing.bucket)},
        },
    }
    return cast("UpdateItemInputTypeDef", made)
