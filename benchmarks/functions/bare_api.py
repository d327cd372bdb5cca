"""The least that FastAPI can be behind the same adapter: one route that answers from nothing."""

from fastapi import FastAPI
from mangum import Mangum

app = FastAPI()


@app.get("/restaurants/{restaurant_id}/tally")
def tally(restaurant_id: str) -> dict[str, str]:
    """Answer."""
    return {"restaurant_id": restaurant_id}


handler = Mangum(app, lifespan="off")
