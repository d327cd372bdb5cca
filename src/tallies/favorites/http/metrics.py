"""Further metrics of favorites, for Prometheus."""

from prometheus_client import Counter

from tallies.http.service.metrics import Instruments


class FavoritesInstruments(Instruments):
    """The metrics of a process that serves favorites."""

    def __init__(self) -> None:
        super().__init__()
        self.marks = Counter(
            "tallies_marks", "PUTs of a favorite", ["outcome"], registry=self.registry
        )
        self.unmarks = Counter(
            "tallies_unmarks", "DELETEs of a favorite", ["outcome"], registry=self.registry
        )
