"""The shapes of answers, for /openapi.json only: routes write them from the records, and a test holds both together."""

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from monitor.alert import Status
from monitor.notifying.notification import NotificationState
from services.api.story_schemas import LevelWord, OriginModel, Shape, SpreadModel, StoryModel

Label = Literal["negative", "neutral", "positive"]


class Problem(Shape):
    """RFC 9457, with what the case adds."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str


class RejectedModel(Shape):
    """Which one, counted from 0, and everything wrong with it."""

    index: int
    errors: list[str]


class UnknownSubjectsModel(Shape):
    """Which one named subjects that are not watched, counted from 0, and which: it is taken, but not under these."""

    index: int
    unknown_subjects: list[str]


class ReceiptModel(Shape):
    """What became of everything sent; the four add up to it. `warnings` is absent where there is none."""

    accepted: int
    duplicate: int
    updated: int
    rejected: list[RejectedModel]
    warnings: list[UnknownSubjectsModel] | None = None


class ReasonModel(Shape):
    """One indicator against its threshold."""

    code: str
    value: float
    threshold: float
    rule: str | None = None


class AlertModel(Shape):
    """The life of one story's rise."""

    id: str
    subject: str
    story: str
    title: str
    level: LevelWord
    level_zh: str
    policy_level: LevelWord
    status: Status
    opened_at: AwareDatetime
    changed_at: AwareDatetime
    seq: int
    mentions: int
    authors: int
    negative: int
    platforms: list[str]
    engagement: int
    first_at: AwareDatetime | None
    last_at: AwareDatetime | None
    samples: list[dict[str, Any]]
    reasons: list[ReasonModel]
    indicators: dict[str, float]
    assignee: str | None
    previous: str | None
    next: str | None
    drill: bool
    resolution: str | None
    verdict: str | None
    merged_into: str | None
    muted_until: AwareDatetime | None
    url: str


class OtherModel(Shape):
    """The other side of a merge, as it was until then; `alert` null: it never had one."""

    alert: str | None
    story: str
    title: str


class NamedMention(Shape):
    """A mention, by where we have it from and its id there."""

    source: str
    id: str


class WordModel(Shape):
    """What a person said of a mention."""

    label: Label | None = None
    emotion: str | None = None
    relevant: bool | None = None


class TransitionModel(Shape):
    """One change; of level with `from` and `to`, of status with the two statuses."""

    model_config = ConfigDict(extra="allow")
    at: AwareDatetime
    recorded_at: AwareDatetime | None = None
    alert: str
    subject: str
    story: str
    from_status: Status | None = None
    to_status: Status | None = None
    actor: str
    by: str | None = None
    note: str | None = None
    assignee: str | None = None
    until: AwareDatetime | None = None
    resolution: str | None = None
    verdict: str | None = None
    merged_into: str | None = None
    into: OtherModel | None = None
    merged: OtherModel | None = None
    mentions: list[NamedMention] | None = None
    judged: WordModel | None = None
    reasons: list[ReasonModel]


class AlertDetail(AlertModel):
    """An alert with its history."""

    transitions: list[TransitionModel]
    origin: OriginModel | None
    spread: SpreadModel | None


class SentimentModel(Shape):
    """Probabilities and the likeliest label."""

    label: Label
    negative: float
    neutral: float
    positive: float


class EmotionModel(Shape):
    """Probabilities and the likeliest label."""

    label: str
    anger: float
    worry: float
    sadness: float
    doubt: float
    support: float
    surprise: float
    none: float


class HitModel(Shape):
    """A rule that matched, in code points of the field's original words; `harmless`: the word by which it tells of no event."""

    rule: str
    category: str
    field: str
    text: str
    start: int
    end: int
    harmless: str | None = None


class FloorModel(Shape):
    """首条即报: the level at which this one mention opens at once, if it is sensitive, and the rule that says so."""

    level: LevelWord
    rule: str


class ScoreModel(Shape):
    """What a mention says about one subject."""

    subject: str
    story: str
    counted: bool
    hits: list[HitModel]
    sentiment: SentimentModel
    emotion: EmotionModel
    severity: float
    advert: bool = False
    passes_on: bool = False
    floor: FloorModel | None = None
    version: str = ""
    libraries: dict[str, str] = Field(default_factory=dict)


class MentionModel(Shape):
    """A mention as stored; absent members were never said. `author` is a pseudonym."""

    source: str
    id: str
    published_at: AwareDatetime
    text: str
    platform: str
    kind: str = "post"
    outlet: str = ""
    title: str = ""
    quoted: str = ""
    transcript: str = ""
    url: str = ""
    region: str = ""
    topics: tuple[str, ...] = ()
    root: str = ""
    parent: str = ""
    author: str = ""
    name: str = ""
    role: str = ""
    followers: int = 0
    verified: bool | str = False
    media: bool = False
    likes: int = 0
    comments: int = 0
    reposts: int = 0
    views: int = 0
    gone: bool = False
    rank: int = 1
    heat: float = 0
    best_rank: int = 1
    collected_at: AwareDatetime | None = None
    seen_at: AwareDatetime | None = None
    subjects: tuple[str, ...] = ()
    scores: list[ScoreModel]


class SubjectModel(Shape):
    """What is watched, and what is open about it."""

    name: str
    owner: str | None
    floor: LevelWord
    alerts: bool
    libraries: list[str]
    rules: list[str]
    receivers: list[str]
    kinds: list[str]
    platforms: list[str]
    regions: list[str]
    policy: str | None
    origin: Literal["file", "api"]
    valid_until: AwareDatetime | None
    open_alerts: int
    level: LevelWord


class RescoreModel(Shape):
    """A rescoring: `looked` of `total` retained raw mentions, `hit` by the subject, `new` to the store."""

    subject: str
    actor: str
    by: str | None
    started_at: AwareDatetime
    state: Literal["running", "done", "failed"]
    total: int
    looked: int
    hit: int
    new: int
    ended_at: AwareDatetime | None
    error: str | None


class AttemptModel(Shape):
    """One try."""

    notification: str
    at: AwareDatetime
    status: int | None
    code: str
    seconds: float
    excerpt: str


class NotificationModel(Shape):
    """One message to one receiver."""

    id: str
    alert: str
    receiver: str
    type: str
    state: NotificationState
    created_at: AwareDatetime
    attempts: list[AttemptModel]
    next_try_at: AwareDatetime | None


class DeadLetterModel(Shape):
    """
    What could not be processed: `origin` in words, `partition` and `offset` where it has them; `actor` saw to it at `marked_at`.

    `kept`: of its `bytes` the first so many are here; fewer than all only where the whole was more than the log takes.
    """

    id: str
    at: AwareDatetime
    topic: str
    origin: str
    partition: int | None
    offset: int | None
    reason: Literal["invalid", "failed"]
    error: str
    attempts: int
    first_at: AwareDatetime
    last_at: AwareDatetime
    version: str
    bytes: int
    kept: int
    state: Literal["open", "replayed", "dropped"]
    replays: int
    marked_at: AwareDatetime | None
    actor: str | None
    by: str | None


class DeadLetterDetail(DeadLetterModel):
    """One with those of its bytes that are kept: in base64, and to be read."""

    raw: str
    text: str


class DeadDoneModel(Shape):
    """What became of the letters named: `refused` says why this release cannot take one either."""

    done: list[str]
    passed: list[str]
    refused: dict[str, str]
    unknown: list[str]


class ListShape(Shape):
    """Every list: `next_cursor` null at the end, `seq` the newest change it knows."""

    next_cursor: str | None
    seq: int


class AlertPage(ListShape):
    """A page of alerts."""

    items: list[AlertModel]


class MentionPage(ListShape):
    """A page of mentions."""

    items: list[MentionModel]


class StoryPage(ListShape):
    """A page of stories."""

    items: list[StoryModel]


class SubjectPage(ListShape):
    """All subjects."""

    items: list[SubjectModel]


class NotificationPage(ListShape):
    """A page of notifications."""

    items: list[NotificationModel]


class DeadLetterPage(ListShape):
    """A page of dead letters."""

    items: list[DeadLetterModel]


class ChangesModel(Shape):
    """What changed, rising; ask again with `since` = `seq`."""

    items: list[AlertModel]
    seq: int


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"content": _PROBLEM, "description": "a problem (RFC 9457)"},
    "503": {"content": _PROBLEM, "description": "not now; Retry-After says when"},
}
_MENTION = {
    "type": "object", "required": ["source", "id", "text", "published_at"],
    "properties": {
        "source": {"type": "string", "pattern": "^[0-9A-Za-z一-龥]{1,40}$"},
        "id": {"type": "string", "pattern": "^[!-~]{1,500}$"},
        "text": {"type": "string", "maxLength": 16000, "pattern": r"^[^\x00]*[0-9A-Za-z一-龥][^\x00]*$"},
        "published_at": {
            "type": "string", "pattern": "^20(?:0[1-9]|1[0-9]|2[0-5])-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
            "T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:Z|[+]08:00)$",
        },
    },
    "description": "The patterns are of what is taken for sure. Also taken: any source of 1 to 128 bytes and id of 1 to 512, any text "
    "that says something, RFC 3339 with any offset from 2000 to a day from now; and the other fields of a mention.",
}  # fmt: skip
_LINES = {"type": "string", "description": "a mention a line", "contentMediaType": "application/x-ndjson"}
MENTIONS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"oneOf": [_MENTION, {"type": "array", "items": _MENTION}]}},
            "application/x-ndjson": {"schema": _LINES},
        },
    }
}
_RULE = {"type": "string", "pattern": "^[0-9A-Za-z一-龥]{1,100}$"}
_MORE = (
    "As in the configuration file. Plain words are shown here; rules take operators, too, and besides there are `libraries`, "
    "`receivers`, `policy`, `kinds`, `platforms`, `regions`, `valid_until`, `owner`, and `by`: who asks for it."
)
SUBJECT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["rules"],
                    "additionalProperties": False,
                    "properties": {
                        "rules": {"type": "array", "minItems": 1, "uniqueItems": True, "items": _RULE},
                        "floor": {"type": "string", "enum": ["blue", "yellow", "orange"]},
                        "alerts": {"type": "boolean"},
                    },
                    "description": _MORE,
                }
            }
        },
    }
}
