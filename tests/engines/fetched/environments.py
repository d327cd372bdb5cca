"""Tools with dependencies of their own: each in an environment that ours does not meet.

What `archives.py` says of folders holds here too: pinned, made once, there by one rename. The
scripts in an environment's bin carry the folder that it was made in, so after the rename only
`PYTHON -m MODULE` works.
"""

import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from .archives import SAM_VERSION, cache_root, making, run_client

MINISTACK_VERSION = "1.5.33"
TRANSLATOR_VERSION = "1.113.0"  # reads SAM templates for ministack
CRYPTOGRAPHY_VERSION = "50.0.2"  # signs and checks the tokens of its user pools
_PYTHON = f"py{sys.version_info.major}{sys.version_info.minor}"


@dataclass(frozen=True)
class Environment:
    """A virtual environment and what is installed into it."""

    folder: str
    packages: tuple[str, ...]


MINISTACK = Environment(
    f"ministack-{MINISTACK_VERSION}-{_PYTHON}",
    (
        f"ministack=={MINISTACK_VERSION}",
        f"aws-sam-translator=={TRANSLATOR_VERSION}",
        f"cryptography=={CRYPTOGRAPHY_VERSION}",
    ),
)
SAM = Environment(f"sam-{SAM_VERSION}-{_PYTHON}", (f"aws-sam-cli=={SAM_VERSION}",))
ALL = (MINISTACK, SAM)


def is_made(environment: Environment) -> bool:
    return (cache_root() / environment.folder).is_dir()


def ensure(environment: Environment) -> Path:
    """The Python of the environment; makes that first if it is not there."""
    final = cache_root() / environment.folder
    python = Path("bin", "python")
    if final.is_dir():
        return final / python
    with making(final, environment.folder) as made:
        venv.create(made, symlinks=True)
        options = ["--only-binary=:all:", "--quiet", "--retries=1", "--no-compile"]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        run_client(
            "pip",
            [*pip, "--python", str(made / python), "install", *options, *environment.packages],
        )
    return final / python
