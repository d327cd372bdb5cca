"""The HTTP service: the contract's routes over a store, and the page."""

from tallies.favorites.http.app import create_app
from tallies.favorites.http.metrics import FavoritesInstruments
from tallies.http.service.auth import Auth, JwtAuth, NoAuth

__all__ = ["Auth", "FavoritesInstruments", "JwtAuth", "NoAuth", "create_app"]
