"""Staleness of any number of records, kept in bins that are one percent wide."""

import math

import numpy as np

from benchmarks.scale.model.popularity import Floats

_SHORTEST_SECONDS = 1e-4
_STEP = math.log(1.01)
_BINS = 2_400


class Histogram:
    """Counts of durations between 0.1 ms and a month."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, dtype=np.int64)
        self._total_seconds = 0.0

    def add(self, seconds: Floats) -> None:
        self._total_seconds += float(seconds.sum())
        bins = np.log(np.maximum(seconds, _SHORTEST_SECONDS) / _SHORTEST_SECONDS) / _STEP
        self._counts += np.bincount(np.minimum(bins, _BINS - 1).astype(np.int64), minlength=_BINS)

    @property
    def count(self) -> int:
        return int(self._counts.sum())

    @property
    def mean(self) -> float:
        """The mean duration, in seconds; NaN of none."""
        return self._total_seconds / self.count if self.count else math.nan

    def quantile(self, share: float) -> float:
        """The duration that this share of records does not exceed, in seconds; NaN of none."""
        if not self.count:
            return math.nan
        index = int(np.searchsorted(np.cumsum(self._counts), share * self.count))
        return _SHORTEST_SECONDS * math.exp((index + 0.5) * _STEP)
