"""The command `tallies`: its commands, and what becomes of errors."""

import os
import sys
from typing import NoReturn

import click

import tallies
from tallies.cli.demo import demo
from tallies.cli.load import load
from tallies.cli.look import show, status, top, verify
from tallies.cli.options import store_option
from tallies.cli.serve import serve
from tallies.core.errors import TalliesError
from tallies.stores.open import open_store

EXIT_FOUND = 1
EXIT_WRONG_USE = 2
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tallies.__version__, prog_name="tallies")
@store_option(expose=False)
def cli() -> None:
    """Exact, live counts and leaderboards from a table's own change stream.

    \b
    Try:  tallies demo
    """


@cli.command()
@store_option()
def init(store: str) -> None:
    """Make the tables where they are missing.

    \b
    Example:  tallies init --store sqlite:///favorites.db
    """
    with open_store(store) as opened:
        made = opened.init()
        click.echo(f"{opened.url}: {'ready' if made else 'was ready already'}")


for command in (demo, serve, load, top, show, status, verify):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line; every error becomes one line and an exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        _complain(error.format_message())
    except TalliesError as error:
        _complain(str(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("TALLIES_DEBUG"):
            raise
        _complain(f"unexpected {type(error).__name__}: {error} (set TALLIES_DEBUG=1 to see where)")
    sys.exit(code if isinstance(code, int) else 0)


def _complain(sentence: str) -> NoReturn:
    click.echo("tallies: " + " ".join(sentence.split()), err=True)
    sys.exit(EXIT_WRONG_USE)
