"""The HTTP service: the contract's routes over a store, and the page."""

from tallies.favorites.http.app import create_app
from tallies.favorites.http.auth import Auth, JwtAuth, NoAuth
from tallies.favorites.http.metrics import Instruments

__all__ = ["Auth", "Instruments", "JwtAuth", "NoAuth", "create_app"]
