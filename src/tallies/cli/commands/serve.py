"""The command `serve`: the API and the page over a store."""

from contextlib import AbstractContextManager
from pathlib import Path

import click

from tallies.cli.options import store_option
from tallies.cli.output import out
from tallies.cli.serving import PORT, address_of, is_loopback, listen, run_app
from tallies.cli.tracing import each_batch, traced, traces_option
from tallies.favorites.catalogue import read_names
from tallies.favorites.http import FavoritesInstruments
from tallies.favorites.http import create_app as favorites_app
from tallies.favorites.open import favorites_in, open_any
from tallies.http.app import create_app
from tallies.http.service.auth import Auth, JwtAuth, NoAuth
from tallies.http.service.cors import check_origin
from tallies.http.service.metrics import Instruments
from tallies.http.service.proxies import check_proxy, check_root_path
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite import SqliteStore


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--auth",
    type=click.Choice(["none", "jwt"]),
    default="none",
    show_default=True,
    help="jwt: HS256 by the environment variable TALLIES_JWT_SECRET, or see --jwks.",
)
@click.option("--jwks", metavar="FILE|URL", help="Keys that sign tokens (RS256, ES256).")
@click.option("--issuer", help="Only tokens with this iss.")
@click.option("--audience", help="Only tokens with this aud.")
@click.option("--insecure", is_flag=True, help="Listen beyond loopback without sign-in.")
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV restaurant_id,name[,cuisine] for the page.",
)
@click.option(
    "--cors-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Pages of this origin may use the API, like https://app.example.org; repeatable.",
)
@click.option(
    "--root-path", default="", metavar="PATH", help="The path that a proxy has put this under."
)
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Believe the X-Forwarded-* headers of this address or network; repeatable.",
)
@traces_option
@store_option()
def serve(
    host: str,
    port: int,
    auth: str,
    jwks: str | None,
    issuer: str | None,
    audience: str | None,
    insecure: bool,
    names: Path | None,
    origins: tuple[str, ...],
    root_path: str,
    proxies: tuple[str, ...],
    traces: bool,
    store: str,
) -> None:
    """Serve the API and the page; on an embedded store, aggregate too.

    A store of a table of one's own has the API of its tallies, and a page of their leaderboards.

    \b
    Example:  tallies serve --port 8000
    """
    if auth == "none" and not insecure and not is_loopback(host):
        raise click.UsageError(
            f"Anyone who reaches {host} could act for anyone: add --auth jwt, or --insecure."
        )
    for origin in origins:
        check_origin(origin)
    if root_path:
        check_root_path(root_path)
    for proxy in proxies:
        check_proxy(proxy)
    guard: Auth = NoAuth()
    if auth == "jwt":
        guard = JwtAuth.from_environment(jwks=jwks, issuer=issuer, audience=audience)
    catalogue = read_names(names) if names else {}
    with (
        listen(host, port) as listener,
        traced("tallies-serve", asked=traces) as provider,
        open_any(store) as opened,
    ):
        favorites = favorites_in(opened)
        if favorites is None and names is not None:
            raise click.UsageError(f"{opened.url} is not about restaurants; leave --names out.")
        instruments = Instruments() if favorites is None else FavoritesInstruments()
        background: AbstractContextManager[object] | None = None
        if isinstance(opened, SqliteStore):
            opened.init()
            background = EmbeddedLoop(opened, each_batch(provider, instruments.applied))
        elif favorites is not None:
            # A wrong region, a missing table: say so now, not at the first request.
            favorites.get("-", "-")
            favorites.leaderboard("all", 1)
        if isinstance(instruments, FavoritesInstruments) and favorites is not None:
            app = favorites_app(
                favorites,
                auth=guard,
                names=catalogue,
                instruments=instruments,
                background=background,
                origins=origins,
                root_path=root_path,
                tracer_provider=provider,
            )
        else:
            app = create_app(
                opened,
                auth=guard,
                instruments=instruments,
                background=background,
                origins=origins,
                root_path=root_path,
                tracer_provider=provider,
            )
        out.print(f"Serving {opened.url} at {address_of(listener)}")
        run_app(app, listener, proxies=proxies)
