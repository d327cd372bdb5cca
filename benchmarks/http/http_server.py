"""The service, and in the same server a bare FastAPI application with a route that does nothing.

The bare one stands beside the service's middleware, not behind it, so that what the middleware
costs counts as a cost of the service.
"""

import sys

import uvicorn
from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.http.http_put import NOTHING
from tallies.cli.serving import address_of, listen
from tallies.favorites.http import NoAuth, create_app
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop

bare = FastAPI()


@bare.put(NOTHING)
async def nothing() -> Response:
    return Response(status_code=204)


def beside(service: ASGIApp) -> ASGIApp:
    """An application that asks the bare one where it has the route, and else the service."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await (bare if scope.get("path") == NOTHING else service)(scope, receive, send)

    return application


if __name__ == "__main__":
    with SqliteFavorites(sys.argv[1]) as store, listen("127.0.0.1", 0) as listener:
        store.init()
        service = create_app(store, auth=NoAuth(), background=EmbeddedLoop(store))
        print(f"Serving at {address_of(listener)}", flush=True)
        config = uvicorn.Config(beside(service), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])
