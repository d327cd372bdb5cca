"""What a fault is that is put into the product, and all there are."""

from collections.abc import Callable

import pytest

from tests.histories.history import Mode

Patch = pytest.MonkeyPatch
MUTATIONS: dict[str, tuple[Mode, int, Callable[[Patch], None]]] = {}


def mutation(name: str, mode: Mode, first: int = 0) -> Callable[[Callable[[Patch], None]], None]:
    """A fault, and the history to begin with: one that has found it, where few do."""

    def keep(mutate: Callable[[Patch], None]) -> None:
        MUTATIONS[name] = mode, first, mutate

    return keep
