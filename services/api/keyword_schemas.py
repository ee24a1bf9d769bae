"""The shapes of answers about keyword rules; as schemas.py, for /openapi.json only."""

from pydantic import AwareDatetime

from services.api.schemas import ListShape
from services.api.story_schemas import LevelWord, Shape


class PartModel(Shape):
    """What one file says of a library; `weight` is what its rules weigh unless they say otherwise."""

    file: str
    shipped: bool
    category: str
    weight: float
    rules: int
    owner: str | None
    note: str | None
    valid_from: AwareDatetime | None
    valid_until: AwareDatetime | None


class LibraryShape(Shape):
    """A library in force: its version changes with what it means, not with its files; `subjects` name it."""

    name: str
    version: str
    since: AwareDatetime
    rules: int
    subjects: list[str]
    parts: list[PartModel]


class RuleModel(Shape):
    """A rule as it is written."""

    rule: str
    category: str
    weight: float
    floor: LevelWord
    note: str | None


class ReloadModel(Shape):
    """What is in force now; `previous`: the version before. `scored_here`: this process scores by it."""

    version: str
    since: AwareDatetime
    rules: int
    previous: str
    scored_here: bool


class KeywordsModel(ListShape):
    """All libraries in force; `version` is that of every rule together, those of the subjects too."""

    version: str
    since: AwareDatetime
    rules: int
    items: list[LibraryShape]


class LibraryModel(ListShape, LibraryShape):
    """A page of a library's rules."""

    items: list[RuleModel]
