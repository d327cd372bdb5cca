"""The function that most people write: an UpdateItem for each window of each record, no guard."""

import os
from typing import Any

import boto3

TABLE = "naive"
client = boto3.client("dynamodb", endpoint_url=os.environ["ENDPOINT"])


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Add one for each record; a batch that comes again counts again."""
    for record in event["Records"]:
        row = record["dynamodb"]["NewImage"]
        day = row["created_at"]["S"]
        for window in ("all", day[:7], day[:10]):
            client.update_item(
                TableName=TABLE,
                Key={"group": row["restaurant_id"], "time_window": {"S": window}},
                UpdateExpression="ADD favorites :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
    return {}
