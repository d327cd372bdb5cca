"""`python -m tests.engines fetch` and `python -m tests.engines dynamodb --port 8000`."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .dynamodb import command, environment
from .errors import EngineError
from .fetched import archives, environments, node
from .process import LOOPBACK, is_listening


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.engines", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="download every engine into the cache folder, once")
    play = commands.add_parser("dynamodb", help="run DynamoDB Local until Ctrl-C")
    play.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args(arguments)
    try:
        return _fetch() if chosen.command == "fetch" else _dynamodb(chosen.port)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1


def _fetch() -> int:
    """Tries each, whatever becomes of the others."""
    wanted: list[tuple[str, bool, Callable[[], Path]]] = [
        *(
            (each.package, archives.is_fetched(each), partial(archives.ensure, each))
            for each in archives.ALL
        ),
        *(
            (each.folder, environments.is_made(each), partial(environments.ensure, each))
            for each in environments.ALL
        ),
        *((each.folder, node.is_installed(each), partial(node.ensure, each)) for each in node.ALL),
    ]
    status = 0
    for name, had, fetch in wanted:
        print(f"{name} ... ", end="", flush=True)
        try:
            folder = fetch()
        except EngineError as error:
            print(f"failed: {error}")
            status = 1
        else:
            print(f"{'already in' if had else 'fetched into'} {folder}")
    return status


def _dynamodb(port: int) -> int:
    if is_listening(port):
        raise EngineError(f"port {port} is taken; choose another with --port")
    # Shared, so that whoever plays sees one set of tables whatever credentials he made up.
    line, folder = command(port, shared=True)
    print(
        f"http://{LOOPBACK}:{port} (in memory, all is gone at the end; Ctrl-C ends it)", flush=True
    )
    engine = subprocess.Popen(line, cwd=folder, env=environment())
    signal.signal(signal.SIGTERM, lambda *_: engine.terminate())
    while True:
        try:
            engine.wait()
            return 0
        except KeyboardInterrupt:
            engine.terminate()


if __name__ == "__main__":
    sys.exit(main())
