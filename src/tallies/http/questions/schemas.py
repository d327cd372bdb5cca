"""The shapes of answers, for the OpenAPI description."""

from pydantic import BaseModel, ConfigDict


class TallyDescription(BaseModel):
    """A tally: the attributes that it groups by, what it measures, the windows that it keeps."""

    name: str
    group_by: list[str]
    measures: list[str]
    windows: list[str]
    ranked: list[str]
    ranked_by: str
    zone: str


class TalliesAnswer(BaseModel):
    source: str
    items: list[TallyDescription]


class AnyAnswer(BaseModel):
    """Names of attributes and measures are keys beside the fixed ones."""

    model_config = ConfigDict(extra="allow")


class TallyAnswer(AnyAnswer):
    group: list[str]
    windows: dict[str, dict[str, float]]


class ManyAnswer(BaseModel):
    items: list[TallyAnswer]


class Point(AnyAnswer):
    window: str


class HistoryAnswer(BaseModel):
    points: list[Point]


class Place(AnyAnswer):
    rank: int
    group: list[str]


class LeaderboardAnswer(BaseModel):
    window: str
    items: list[Place]
    next: str | None


class RankAnswer(AnyAnswer):
    window: str
    group: list[str]
    rank: int
    of: int
    items: list[Place]
