"""The shapes of what is answered about stories: where one began, how it spread, its tree. For /openapi.json only, as schemas.py."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

LevelWord = Literal["none", "blue", "yellow", "orange", "red"]


class Shape(BaseModel):
    """Nothing but what stands here."""

    model_config = ConfigDict(extra="forbid")


class TreeMember(Shape):
    """One mention of a story as people are shown it; `name` only where one is kept readable."""

    source: str
    id: str
    kind: str
    platform: str
    published_at: AwareDatetime
    text: str
    outlet: str | None = None
    url: str | None = None
    name: str | None = None
    role: str | None = None
    children: int | None = None
    reach: int | None = None


class DoubtModel(Shape):
    """Why something may have come before the origin, and on how many mentions that rests: of root_missing those below what is missing."""

    code: Literal["root_missing", "quoted_missing", "first_is_repost", "same_moment", "archive"]
    zh: str
    mentions: int


class NamedModel(Shape):
    """A mention as an origin or a place in a tree names it; `name`: only of an account whose name is kept."""

    source: str = ""
    id: str = ""
    kind: str = ""
    platform: str = ""
    published_at: AwareDatetime | None = None
    text: str = ""
    outlet: str | None = None
    url: str | None = None
    name: str | None = None
    role: str | None = None


class OriginModel(NamedModel):
    """The earliest mention known; `missing`: the original it names and that we do not have."""

    sure: Literal["high", "medium", "low"] = "low"
    doubts: list[DoubtModel] = []
    missing: dict[str, str] | None = None


class NameModel(Shape):
    """A platform, outlet, region, or account that is kept readable."""

    name: str
    platform: str | None = None
    first_at: AwareDatetime
    mentions: int
    reach: int


class TotalModel(Shape):
    """How many different names there are, and how many mentions are theirs."""

    names: int
    mentions: int


class SeriesModel(Shape):
    """Mentions in each stretch of `seconds` (3600, or more of a long story) from `from` on; at most 200."""

    model_config = ConfigDict(extra="allow")
    seconds: int
    counts: list[int]


class SpreadModel(Shape):
    """
    How far it went: platforms, outlets and regions in the order they were reached, media and KOL by reach, the most reposted.

    Lists have at most ten members, `totals` tells of how many.
    `counted`: how many mentions this was found from; `doubling_seconds`: how long they last took to double while they grew.
    """

    first_at: AwareDatetime | None
    last_at: AwareDatetime | None
    mentions: int | None = None
    authors: int | None = None
    engagement: int | None = None
    counted: int
    kinds: dict[str, int]
    platforms: list[NameModel]
    outlets: list[NameModel]
    regions: list[NameModel]
    media: list[NameModel]
    kol: list[NameModel]
    totals: dict[str, TotalModel]
    reposted: list[TreeMember]
    farthest: list[TreeMember]
    doubling_seconds: float | None
    series: SeriesModel | None


class StoryModel(Shape):
    """
    Mentions of one subject about one happening; the residual one holds what fits no other.

    `level`: that of its open alert, also when set by hand; without one, as `policy_level`: what the policy finds.
    """

    id: str
    subject: str
    title: str
    residual: bool
    live: bool
    level: LevelWord
    level_zh: str
    policy_level: LevelWord
    alert: str | None
    opened_at: AwareDatetime
    last_at: AwareDatetime
    mentions: int
    merged_into: str | None


class PlaceModel(NamedModel):
    """A place in a story's tree; `missing`: an original that is named but not had, with the words quoted from it."""

    node: str
    missing: bool
    children: int
    descendants: int


class TreePage(Shape):
    """A page of what hangs under one place, the biggest branch first."""

    items: list[PlaceModel]
    next_cursor: str | None


class StoryDetail(StoryModel):
    """A story with where it began (null: nothing is left of it, or no text is kept), how it spread, the first page of its tree."""

    origin: OriginModel | None
    spread: SpreadModel
    tree: TreePage
