"""
The alert's nouns: Level, Status, Reason, Transition, Alert; and the identities of stories and alerts.

Levels are rising ints inside; people and other programs see the colour word only, never the numeral alone.
"""

from enum import IntEnum, StrEnum
from hashlib import blake2b
from typing import Literal

import msgspec

from monitor.clock import rfc3339


class Level(IntEnum):
    """How far a story has risen."""

    NONE = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def word(self) -> str:
        """The lower-case colour word of every outside face."""
        return self.name.lower()

    @property
    def zh(self) -> str:
        """The colour in Chinese; 无 for none."""
        return "无蓝黄橙红"[self.value]

    @classmethod
    def of(cls, word: str) -> "Level":
        """The level of a colour word; KeyError for another word."""
        return cls[word.upper()]


Status = Literal["open", "acknowledged", "handling", "resolved", "reviewed"]
STATUSES: tuple[Status, ...] = ("open", "acknowledged", "handling", "resolved", "reviewed")
POLICY = "policy"
MENTIONS = 20  # that a transition names at most: a message has to hold it

Resolution = Literal["handled", "false_alarm", "known", "irrelevant", "faded"]
MUTING: tuple[Resolution, ...] = ("false_alarm", "known", "irrelevant")  # ends after which the story tells only of much worse
Verdict = Literal["right", "false"]


class ReasonCode(StrEnum):
    """Why a level or a status changed: the closed set that audit rows, messages, logs and metric labels share."""

    SENSITIVE_24H = "sensitive_24h"
    AUTHORS_10M = "authors_10m"
    AUTHORS_1H = "authors_1h"
    AUTHORS_24H = "authors_24h"
    PLATFORMS_24H = "platforms_24h"
    OUTLETS_24H = "outlets_24h"
    MEDIA_24H = "media_24h"
    KOL_24H = "kol_24h"
    SEVERITY_24H = "severity_24h"
    REACH_24H = "reach_24h"
    GROWTH = "growth"
    HEAT = "heat"
    FLOOR = "floor"
    RECEDED = "receded"
    FADED = "faded"
    ACKNOWLEDGED = "acknowledged"
    HANDLING = "handling"
    ASSIGNED = "assigned"
    NOTED = "noted"
    HAND = "hand"
    HAND_ENDED = "hand_ended"
    HANDLED = "handled"
    FALSE_ALARM = "false_alarm"
    KNOWN = "known"
    IRRELEVANT = "irrelevant"
    REVIEWED = "reviewed"
    REOPENED = "reopened"
    MERGED = "merged"
    EXCLUDED = "excluded"
    CORRECTED = "corrected"
    UNWATCHED = "unwatched"


DEEDS = frozenset(list(ReasonCode)[list(ReasonCode).index(ReasonCode.ACKNOWLEDGED) :])  # what people do, or bring about
UNMEASURED = DEEDS | {ReasonCode.FLOOR, ReasonCode.RECEDED, ReasonCode.FADED}  # no indicator has these names

REASON_ZH: dict[ReasonCode, str] = {
    ReasonCode.SENSITIVE_24H: "24小时敏感信息数",
    ReasonCode.AUTHORS_10M: "10分钟独立发声账号数",
    ReasonCode.AUTHORS_1H: "1小时独立发声账号数",
    ReasonCode.AUTHORS_24H: "24小时独立发声账号数",
    ReasonCode.PLATFORMS_24H: "24小时涉及平台数",
    ReasonCode.OUTLETS_24H: "24小时涉及媒体及账号数",
    ReasonCode.MEDIA_24H: "24小时新闻媒体数",
    ReasonCode.KOL_24H: "24小时大V数",
    ReasonCode.SEVERITY_24H: "24小时最高风险程度",
    ReasonCode.REACH_24H: "24小时单条最高触达（播放+互动×10）",
    ReasonCode.GROWTH: "与近期相比的增长倍数",
    ReasonCode.HEAT: "发酵指数",
    ReasonCode.FLOOR: "该主题一条敏感信息即达此级",
    ReasonCode.RECEDED: "回落到清除线以下的分钟数",
    ReasonCode.FADED: "平息且无人处置（小时）",
    ReasonCode.ACKNOWLEDGED: "已有人确认",
    ReasonCode.HANDLING: "开始处置",
    ReasonCode.ASSIGNED: "指派负责人",
    ReasonCode.NOTED: "备注",
    ReasonCode.HAND: "人工定级",
    ReasonCode.HAND_ENDED: "人工定级到期（小时）",
    ReasonCode.HANDLED: "处置完毕",
    ReasonCode.FALSE_ALARM: "误报",
    ReasonCode.KNOWN: "已知情况",
    ReasonCode.IRRELEVANT: "与我方无关",
    ReasonCode.REVIEWED: "已复核",
    ReasonCode.REOPENED: "重新开启",
    ReasonCode.MERGED: "并入另一事件",
    ReasonCode.EXCLUDED: "剔除不相干的信息",
    ReasonCode.CORRECTED: "更正评分",
    ReasonCode.UNWATCHED: "该主题不再监测",
}


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One indicator against its threshold at the moment of the decision; what people do has no figures."""

    code: ReasonCode
    value: float = 0.0
    threshold: float = 0.0
    rule: str | None = None  # of a floor that is not the subject's: the keyword rule that carries it

    def wire(self) -> dict[str, object]:
        """The shape of contract 3; the figures are floats as they come back from a store, also where an int was passed."""
        figures: dict[str, object] = {"code": self.code.value, "value": float(self.value), "threshold": float(self.threshold)}
        return figures if self.rule is None else {**figures, "rule": self.rule}

    @property
    def zh(self) -> str:
        """Its name in words."""
        if self.rule is None:
            return REASON_ZH[self.code]
        return f"命中规则“{self.rule}”的一条敏感信息即达此级"


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """The other side of a merge: its newest alert (None: it never had one) and story as they were until then, what that was called."""

    alert: str | None
    story: str
    title: str

    @property
    def zh(self) -> str:
        """It in words."""
        return f"《{self.title}》({self.alert or self.story})"


class Named(msgspec.Struct, frozen=True):
    """A mention, by where we have it from and its id there."""

    source: str
    id: str


class Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person says of a mention; None: nothing of that."""

    label: str | None = None
    emotion: str | None = None
    relevant: bool | None = None


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """
    One change of an alert; never edited. A change of level has `from_level` and `to_level`, of status the two statuses.

    `at` (micros) is the moment of the decision in event time, `recorded_at` wall clock, absent in a replay.
    """

    at: int
    alert: str
    subject: str
    story: str
    actor: str
    reasons: tuple[Reason, ...] = ()
    recorded_at: int | None = None
    from_level: Level | None = None
    to_level: Level | None = None
    from_status: Status | None = None
    to_status: Status | None = None
    note: str | None = None
    by: str | None = None
    assignee: str | None = None  # "": nobody any more
    until: int | None = None
    resolution: Resolution | None = None
    verdict: Verdict | None = None
    merged_into: str | None = None
    into: Other | None = None  # what `merged_into` names
    merged: Other | None = None  # what became part of this alert's story
    mentions: tuple[Named, ...] = ()  # those that a person took out or spoke of, the first MENTIONS of them
    judged: Word | None = None  # what was said of them

    @property
    def merge_zh(self) -> str | None:
        """A merge in words, by the title and id of the other side; None for what is none. Titles are strangers' words: clean them."""
        if self.into:
            return f"并入{self.into.zh}"
        return f"{self.merged.zh}并入" if self.merged else None

    def wire(self) -> dict[str, object]:
        """The shape of contract 3, absent fields left out."""
        out: dict[str, object] = {"at": rfc3339(self.at)}
        if self.recorded_at is not None:
            out["recorded_at"] = rfc3339(self.recorded_at)
        out |= {"alert": self.alert, "subject": self.subject, "story": self.story}
        if self.from_level is not None and self.to_level is not None:
            out |= {"from": self.from_level.word, "to": self.to_level.word}
        if self.to_status is not None:
            out |= {"from_status": self.from_status, "to_status": self.to_status}
        out |= {"actor": self.actor, "reasons": [reason.wire() for reason in self.reasons]}
        if self.assignee is not None:
            out["assignee"] = self.assignee or None
        if self.until is not None:
            out["until"] = rfc3339(self.until)
        told = ("note", "by", "resolution", "verdict", "merged_into")
        out |= {name: value for name in told if (value := getattr(self, name)) is not None}
        others = {"into": self.into, "merged": self.merged, "mentions": self.mentions, "judged": self.judged}
        return out | {name: msgspec.to_builtins(other) for name, other in others.items() if other}


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an alert's story has gathered so far; every figure can be recounted from stored mentions.

    Moments in micros, 0 where nothing is left of the story.
    """

    title: str
    mentions: int
    authors: int
    negative: int
    platforms: tuple[str, ...]
    engagement: int
    first_at: int
    last_at: int
    samples: tuple[dict[str, object], ...]
    indicators: dict[str, float]


class Mute(msgspec.Struct, frozen=True):
    """
    What a person called a false alarm, known or irrelevant at the end of its `episode`.

    Until `until` (micros) the story's later episodes are told only at `least` or above.
    """

    until: int
    least: Level
    episode: int


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """The life of one story's rise, as stored; `version` counts its transitions, `counter` its recounts since."""

    id: str
    subject: str
    story: str
    episode: int
    level: Level
    policy_level: Level
    status: Status
    opened_at: int
    changed_at: int
    counters: Counters
    reasons: tuple[Reason, ...]
    seq: int = 0
    version: int = 0
    counter: int = 0
    assignee: str | None = None
    previous: str | None = None
    next: str | None = None
    drill: bool = False
    mute: Mute | None = None
    resolution: Resolution | None = None
    verdict: Verdict | None = None
    merged_into: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nobody need do anything about it any more."""
        return self.status in {"resolved", "reviewed"}

    def least_told(self, at: int) -> Level:
        """Nothing below this level is told at that moment, whoever wants to know; none: no mute."""
        mute = self.mute
        return mute.least if mute and self.episode > mute.episode and at < mute.until else Level.NONE

    def grown(self) -> "Alert":
        """Without its mute once it stands where that lets it be told: who has heard of it is told how it goes on, to its end."""
        mute = self.mute
        return msgspec.structs.replace(self, mute=None) if mute and self.episode > mute.episode and self.level >= mute.least else self

    def wire(self, public_url: str) -> dict[str, object]:
        """The alert of contract 4."""
        counted = self.counters
        return {
            "id": self.id, "subject": self.subject, "story": self.story, "title": counted.title,
            "level": self.level.word, "level_zh": self.level.zh, "policy_level": self.policy_level.word, "status": self.status,
            "opened_at": rfc3339(self.opened_at), "changed_at": rfc3339(self.changed_at), "seq": self.seq,
            "mentions": counted.mentions, "authors": counted.authors, "negative": counted.negative,
            "platforms": list(counted.platforms), "engagement": counted.engagement,
            "first_at": rfc3339(counted.first_at) if counted.first_at else None,
            "last_at": rfc3339(counted.last_at) if counted.last_at else None, "samples": list(counted.samples),
            "reasons": [reason.wire() for reason in self.reasons], "indicators": counted.indicators,
            "assignee": self.assignee, "previous": self.previous, "next": self.next, "drill": self.drill,
            "resolution": self.resolution, "verdict": self.verdict, "merged_into": self.merged_into,
            "muted_until": rfc3339(self.mute.until) if self.mute else None,
            "url": f"{public_url}/v1/alerts/{self.id}",
        }  # fmt: skip


def story_id(subject: str, founder: bytes) -> str:
    """A story's id, from its subject and the digest of its first mention."""
    return "s" + blake2b(subject.encode() + b"\0" + founder, digest_size=10).hexdigest()


def residual_id(subject: str) -> str:
    """The id of a subject's residual story (散点): mentions that fit no other."""
    return "r" + blake2b(subject.encode(), digest_size=10).hexdigest()


def alert_id(story: str, episode: int) -> str:
    """An alert's id, from its story and the number of its episode, counted from 1."""
    return f"a{blake2b(story.encode(), digest_size=10).hexdigest()}-{episode:03d}"
