"""Field cases 6 and 8 with real processes, each killed at any moment: no drift is left.

`python -m tests.operate.rebuild` goes on for hours.
"""

import os
from pathlib import Path

import pytest

from tests.conformance.backend import Backend
from tests.length import at_length
from tests.operate.rebuild.fire import Fire

ROUNDS = int(os.environ.get("TALLIES_KILL_ROUNDS", at_length(12, least=3))) // 3


@pytest.mark.slow
def test_case_6_8_rebuild_under_fire(backend: Backend, tmp_path: Path) -> None:
    # By this seed a single round kills a writer, the aggregator and the rebuild.
    with Fire(backend, seed=5, folder=tmp_path) as fire:
        for _ in range(ROUNDS):
            fire.round()
    backend.settle()
    assert list(backend.store.verify().drifted) == []
    for who in ("writer", "aggregator"):
        assert fire.met[f"killed {who}"], who
