"""Merging stories, taking mentions out, and a person's word over the model's."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

import msgspec
from fastapi import APIRouter, Response

from monitor.escalation.effects import Judgement
from monitor.mention import identity
from monitor.score import EmotionLabel, SentimentLabel
from monitor.store.sessions import WriteUnit
from services import corrections
from services.api.act_bodies import SAID, ActBody, schema
from services.api.acting import Asking
from services.api.alerts import detailed, etag_of
from services.api.errors import Refusal
from services.api.mentions import mention_wire
from services.api.schemas import PROBLEMS
from services.api.settling import Told, settled, who
from services.tracing import story_wire, survivor

AT_MOST = 500
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]

router = APIRouter(tags=["corrections"])


class MergeBody(ActBody, frozen=True, kw_only=True):
    """The other story; the older of the two stays."""

    into: Key


class One(msgspec.Struct, frozen=True):
    """A mention, by where we have it from and its id there."""

    source: Key
    id: Key


class ExcludeBody(ActBody, frozen=True, kw_only=True):
    """What does not belong."""

    mentions: Annotated[list[One], msgspec.Meta(min_length=1, max_length=AT_MOST)]


class ScoreBody(ActBody, frozen=True, kw_only=True):
    """What a mention really says of a subject; `relevant` false: it is not about it; true, or a label: it is after all."""

    note_tells = "why"

    source: Key
    id: Key
    subject: Key
    label: SentimentLabel | None = None
    emotion: EmotionLabel | None = None
    relevant: bool | None = None

    @classmethod
    def lacks(cls, told: Mapping[str, object]) -> list[str]:
        """A judgement that says nothing is none."""
        silent = all(told.get(name) is None for name in ("label", "emotion", "relevant"))
        return ["one of `label`, `emotion`, `relevant` is needed"] * silent + super().lacks(told)


_KEY = {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": r"^[^\x00]*$"}
_MENTION = {"type": "object", "properties": {"source": _KEY, "id": _KEY}, "required": ["source", "id"]}
_MERGE = schema(("into",), into=_KEY)
_EXCLUDE = schema(("mentions",), mentions={"type": "array", "minItems": 1, "maxItems": AT_MOST, "items": _MENTION})
_LABEL = {"enum": [*get_args(SentimentLabel), None]}
_EMOTION = {"enum": [*get_args(EmotionLabel), None]}
_SCORE = schema(
    ("source", "id", "subject", "note"), note=SAID, source=_KEY, id=_KEY, subject=_KEY, label=_LABEL, emotion=_EMOTION,
    relevant={"type": ["boolean", "null"]},
)  # fmt: skip
_SCORE["requestBody"]["content"]["application/json"]["schema"]["anyOf"] = [
    {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in ("label", "emotion", "relevant")
]
_ANSWERS: dict[int | str, dict[str, Any]] = {202: {"description": "recorded; no service decides now"}, **PROBLEMS}


@router.post("/v1/stories/{story}/merge", responses=_ANSWERS, openapi_extra=_MERGE)
async def merge(story: str, asked: Asking) -> Response:
    """Two stories are one happening: the older id stays, the newer points to it, of two open alerts the one opened first stays."""
    said = asked.said(MergeBody)

    async def told(unit: WriteUnit) -> Told:
        row = await unit.stories.get(story)
        if row is None:
            raise Refusal(404, "there is no story of this id")
        return Told(await story_wire(unit, await survivor(unit, row)))

    return await settled(asked, lambda unit: corrections.merge(unit, asked.api.desk, story, said.into, who(asked, said)), told)


@router.post("/v1/alerts/{alert}/exclude", responses=_ANSWERS, openapi_extra=_EXCLUDE)
async def exclude(alert: str, asked: Asking) -> Response:
    """Mentions that do not belong to the alert's story: it is counted again without them."""
    said = asked.said(ExcludeBody)
    mentions = [(one.source, one.id) for one in said.mentions]

    async def told(unit: WriteUnit) -> Told:
        found = await unit.alerts.get(alert)
        if found is None:
            raise Refusal(404, "there is no alert of this id")
        return Told(await detailed(asked.api, unit, found), etag_of(found))

    return await settled(asked, lambda unit: corrections.exclude(unit, asked.api.desk, alert, mentions, who(asked, said)), told)


@router.post("/v1/mentions/score", responses=_ANSWERS, openapi_extra=_SCORE)
async def score(asked: Asking) -> Response:
    """A person's word on a mention, kept beside the model's: its story is counted again by it; what was taken out may be put back."""
    said = asked.said(ScoreBody)
    doer = who(asked, said)
    judgement = Judgement(label=said.label, emotion=said.emotion, relevant=said.relevant, actor=doer.actor, note=doer.note, at=asked.now)

    async def told(unit: WriteUnit) -> Told:
        found = await unit.mentions.get(identity(said.source, said.id))
        return Told(mention_wire(found) if found else {})

    do = lambda unit: corrections.correct(unit, asked.api.desk, said.subject, (said.source, said.id), judgement, doer)  # noqa: E731
    return await settled(asked, do, told)
