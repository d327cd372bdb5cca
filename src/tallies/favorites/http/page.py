"""The page, and the names that it shows."""

from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response
from pydantic.json_schema import SkipJsonSchema

from tallies.favorites.catalogue import Catalogue
from tallies.favorites.http.schemas import CuisinesAnswer, NameAnswer, RestaurantsAnswer
from tallies.http import page as pages
from tallies.http.service.caching import REVALIDATED, as_answer, revalidated
from tallies.http.service.problems import documented
from tallies.stores.protocol import MAX_GROUPS

MAX_NAMES = 100
_FOLDER = Path(str(files("tallies.favorites"))) / "page"


def name_routes(names: Catalogue) -> APIRouter:
    """Looking up restaurants in the catalogue."""
    router = APIRouter(tags=["catalogue"], responses=documented(400))
    searchable = [(entry.name.casefold(), entry) for entry in names.values()]
    cuisines = Counter(entry.cuisine for entry in names.values() if entry.cuisine)

    @router.get("/names", response_model=dict[str, NameAnswer], responses=REVALIDATED)
    def look_up(
        request: Request,
        id_: Annotated[list[str], Query(alias="id", max_length=MAX_NAMES, default_factory=list)],
    ) -> Response:
        """Names of restaurants; those that the catalogue does not know are left out."""
        found = [names[one] for one in id_ if one in names]
        content = {e.id: {"name": e.name, "cuisine": e.cuisine} for e in found}
        return revalidated(request, as_answer(content))

    @router.get("/restaurants", response_model=RestaurantsAnswer, responses=REVALIDATED)
    def search(
        request: Request,
        query: Annotated[str, Query(max_length=200)] = "",
        cuisine: str | SkipJsonSchema[None] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_GROUPS)] = 10,
    ) -> Response:
        """Restaurants of the catalogue whose name or id holds the query, best fit first.

        With `cuisine` only those of this one, written as `/cuisines` writes it. One answer may have
        as many as the order among given restaurants accepts.
        """
        wanted = query.casefold().strip()
        hits = [
            (not name.startswith(wanted), name, entry)
            for name, entry in searchable
            if cuisine in (None, entry.cuisine)
            if wanted in name or wanted in entry.id.casefold()
        ]
        items = [
            {"restaurant_id": entry.id, "name": entry.name, "cuisine": entry.cuisine}
            for _, _, entry in sorted(hits)[:limit]
        ]
        return revalidated(request, as_answer({"items": items}))

    @router.get("/cuisines", response_model=CuisinesAnswer, responses=REVALIDATED)
    def all_cuisines(request: Request) -> Response:
        """The cuisines of the catalogue, and how many restaurants each has."""
        ordered = sorted(cuisines.items(), key=lambda item: (item[0].casefold(), item[0]))
        items = [{"cuisine": cuisine, "restaurants": count} for cuisine, count in ordered]
        return revalidated(request, as_answer({"items": items}))

    return router


def serve_page(app: FastAPI) -> None:
    """The page of favorites at `/`."""
    pages.serve_page(app, _FOLDER)
