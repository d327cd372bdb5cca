"""Listening: a socket that is ours before anything starts, and a stop that leaves nothing open."""

import ipaddress
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

import click

from tallies.core.errors import InvalidInput

if TYPE_CHECKING:
    from fastapi import FastAPI

PORT = click.IntRange(0, 65_535)
GRACE_SECONDS = 5
BACKLOG = 2048


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        InvalidInput: the port is taken, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol must be named: asyncio turns off Nagle's algorithm only for sockets that say they
    # are TCP, and with it on an answer waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InvalidInput(
            f"Cannot listen on {host} port {port}: {reason}; choose another with --host or --port."
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """The URL for a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def run_app(app: "FastAPI", listener: socket.socket, *, proxies: Sequence[str] = ()) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first.

    What these proxies say of the client (X-Forwarded-For, X-Forwarded-Proto) is believed.
    """

    def leave(_: int, __: FrameType | None) -> None:
        sys.exit(0)

    # uvicorn stops gracefully and then raises the signal again, for whoever had it before: with
    # the system's own handlers that would end the process before its files are tidied up.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    # Only here: `tallies worker` takes PORT from this module, and would start in twice the time.
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        # Left to itself uvicorn believes whatever comes from this machine, and the environment.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
    )
    uvicorn.Server(config).run(sockets=[listener])
