"""The same without FastAPI: Starlette, which it stands on, checks and describes nothing."""

import os

import boto3
from mangum import Mangum
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

client = boto3.client("dynamodb", endpoint_url=os.environ["ENDPOINT"])


async def tally(request: Request) -> JSONResponse:
    """One window of a restaurant."""
    key = {"group": {"S": request.path_params["restaurant_id"]}, "time_window": {"S": "all"}}
    found = await run_in_threadpool(client.get_item, TableName=os.environ["TABLE"], Key=key)
    row = found.get("Item", {})
    return JSONResponse({name: str(next(iter(value.values()))) for name, value in row.items()})


app = Starlette(routes=[Route("/restaurants/{restaurant_id}/tally", tally)])
handler = Mangum(app, lifespan="off")
