"""The command `tallies`: its commands, and what becomes of errors."""

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

import click

import tallies
from tallies.cli.options import store_option
from tallies.core.errors import TalliesError

EXIT_FOUND = 1
EXIT_WRONG_USE = 2
EXIT_INTERRUPTED = 130


COMMANDS = {
    "compare": "compare",
    "demo": "demo",
    "drop": "drop",
    "export": "export",
    "init": "init",
    "load": "load",
    "parked": "parked",
    "plan": "plan",
    "rank": "boards",
    "rebuild": "rebuild",
    "serve": "serve",
    "show": "show",
    "status": "show",
    "top": "boards",
    "verify": "rebuild",
    "worker": "worker",
}
"""Each command, and the module of `commands` that holds it."""


class Lazy(click.Group):
    """Imports a command when it is asked for: `tallies top` need not wait for a web framework."""

    def list_commands(self, _: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"tallies.cli.commands.{COMMANDS[name]}")
        command: click.Command = getattr(module, name)
        return command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tallies.__version__, prog_name="tallies")
@store_option(expose=False)
def cli() -> None:
    """Exact, live counts and leaderboards from a table's own change stream.

    \b
    Try:  tallies demo
    """


def main() -> NoReturn:
    """Run the command line; every error becomes one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character gets an escape for it, not half of an answer.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_:
        click.echo(help_.format_message(), err=True)
        sys.exit(EXIT_WRONG_USE)
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
