"""The least that FastAPI can be where it reads what it answers: one row, through boto3."""

import os

import boto3
from fastapi import FastAPI
from mangum import Mangum

client = boto3.client("dynamodb", endpoint_url=os.environ["ENDPOINT"])
app = FastAPI()


@app.get("/restaurants/{restaurant_id}/tally")
def tally(restaurant_id: str) -> dict[str, str]:
    """One window of a restaurant."""
    key = {"group": {"S": restaurant_id}, "time_window": {"S": "all"}}
    row = client.get_item(TableName=os.environ["TABLE"], Key=key).get("Item", {})
    return {name: str(next(iter(value.values()))) for name, value in row.items()}


handler = Mangum(app, lifespan="off")
