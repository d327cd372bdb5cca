"""Options that many commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.core.errors import InvalidInput
from tallies.core.source.time_formats import FORMATS, RFC3339
from tallies.stores.open import DEFAULT_URL, FORMS

Command = TypeVar("Command", bound=Callable[..., Any])
_CHOSEN = "tallies.store"


def _remember(context: click.Context, _: click.Parameter, value: str | None) -> str:
    if value is not None and not value.strip():
        raise InvalidInput(f"The URL of --store or TALLIES_STORE is empty; write {FORMS}.")
    # The option may stand before the command or after it; after it wins.
    url: str = value or context.meta.get(_CHOSEN) or DEFAULT_URL
    if value:
        context.meta[_CHOSEN] = value
    return url


def chosen_store() -> str | None:
    """The store that was named, by option or environment; None when the default is in use."""
    url: str | None = click.get_current_context().meta.get(_CHOSEN)
    return url


def store_option(*, expose: bool = True) -> Callable[[Command], Command]:
    """`--store URL`, or the environment variable TALLIES_STORE."""
    return click.option(
        "--store",
        metavar="URL",
        # Asked once, at the top: the variable must not win over an option before the command.
        envvar=None if expose else "TALLIES_STORE",
        callback=_remember,
        expose_value=expose,
        help=f"Store to use (default: TALLIES_STORE, else {DEFAULT_URL}).",
    )


def _read(_: click.Context, __: click.Parameter, path: Path | None) -> Declaration | None:
    if path is None:
        return None
    try:
        return read_declaration(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInput(f"The declaration {path} cannot be read: {reason}.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"The declaration {path} is no text in UTF-8.") from None
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


declaration_option = click.option(
    "--declaration",
    "declared",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="TALLIES_DECLARATION",
    callback=_read,
    metavar="FILE",
    help="The tallies to keep, as TOML (default: TALLIES_DECLARATION, else favorites).",
)

time_format_option = click.option(
    "--time-format",
    type=click.Choice(list(FORMATS)),
    default=RFC3339,
    show_default=True,
    help="What created_at is in the log; without a zone, it is in UTC.",
)

tally_option = click.option("--tally", metavar="NAME", help="Which one, if there are several.")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
