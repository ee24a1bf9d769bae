"""What people may say with an act: the bodies, how they are read, and what /openapi.json tells of them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

import msgspec

from monitor.alert import POLICY, Level, Resolution, Verdict
from monitor.clock import micros
from monitor.escalation.policy import duration
from services.api.errors import Refusal

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
MaybeName = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Note = Annotated[str, msgspec.Meta(max_length=4000, pattern=r"^[^\x00]*$")]
LevelWord = Literal["none", "blue", "yellow", "orange", "red"]
LAST = micros(datetime.max.replace(tzinfo=UTC, microsecond=0))
_SPAN = re.compile(r"\d{1,9}[smhd]")


class ActBody(msgspec.Struct, frozen=True):
    """
    Who says it (where a key says who sends it: on whose behalf), in which words; unknown members are ignored.

    `note_tells`: what its note is for, where there must be one.
    """

    note_tells: ClassVar[str] = ""

    by: Name | None = None
    note: Note | None = None

    def __post_init__(self) -> None:
        if lacks := self.lacks(msgspec.structs.asdict(self)):
            raise ValueError("; ".join(lacks))

    @classmethod
    def lacks(cls, told: Mapping[str, object]) -> list[str]:
        """What these members leave unsaid, whatever else is wrong with them."""
        note = told.get("note") or ""
        return [f"`note` is needed: {cls.note_tells}"] if cls.note_tells and isinstance(note, str) and not note.strip() else []


class NoteBody(ActBody, frozen=True):
    """A remark is nothing without its words."""

    note_tells = "the remark itself"


class AssignBody(ActBody, frozen=True, kw_only=True):
    """Who is to see to it; null or empty: nobody any more."""

    assignee: MaybeName | None


class LevelBody(ActBody, frozen=True, kw_only=True):
    """The level it is to have; why must be said."""

    note_tells = "why this level"

    level: LevelWord
    until: str | None = None

    @property
    def at(self) -> Level:
        """The level."""
        return Level.of(self.level)


class ResolveBody(ActBody, frozen=True, kw_only=True):
    """Why it is over; `until` is how long a false alarm (or known, or irrelevant) stays quiet."""

    reason: Resolution = "handled"
    until: str | None = None


class ReviewBody(ActBody, frozen=True, kw_only=True):
    """Whether it was right to raise it."""

    verdict: Verdict


Body = TypeVar("Body", bound=ActBody)


def said(body: bytes, kind: type[Body]) -> Body:
    """A body as what it must be; an empty one says nothing. 400: no JSON; 422: not what it must be."""
    try:
        found = msgspec.json.decode(body if body.strip() else b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise Refusal(422, "; ".join(_faults(body, kind)) or str(error)) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error
    if found.by == POLICY:
        raise Refusal(422, "by: `policy` is what decisions of the service are signed with")
    return found


def _faults(body: bytes, kind: type[ActBody]) -> list[str]:
    """All that is wrong with a body: msgspec itself stops at the first."""
    try:
        told = msgspec.json.decode(body if body.strip() else b"{}")
    except (msgspec.MsgspecError, ValueError, RecursionError):  # what it passed over, or did not come to
        return []
    if not isinstance(told, dict):
        return []
    wrong = [fault for field in msgspec.structs.fields(kind) if (fault := _fault(told, field))]
    return wrong + kind.lacks(told)


def _fault(told: Mapping[str, object], field: msgspec.structs.FieldInfo) -> str:
    """What is wrong with one member, in msgspec's words; "": nothing."""
    if field.name not in told:
        return f"Object missing required field `{field.name}`" if field.required else ""
    try:
        msgspec.convert(told[field.name], field.type)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        return f"{what} - at `$.{field.name}{where.removesuffix('`')}`"
    return ""


def until(text: str | None, now: int) -> int:
    """The moment meant, in micros: RFC 3339 with an offset, or a span from now such as 2h or 7d; 0: none said."""
    if text is None:
        return 0
    at = now + duration(text) if _SPAN.fullmatch(text) else _moment(text)
    if not 0 < at <= LAST:
        raise Refusal(422, "until: must be a time of this age")
    return at


def _moment(text: str) -> int:
    try:
        at = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refusal(422, "until: must be RFC 3339 with an offset such as 2026-11-22T08:30:00+08:00, or a span such as 2h or 7d")
    return micros(at)


# What is taken, and nothing else, as far as a schema can say it: whoever makes requests from /openapi.json is not refused.
_NULL = {"type": "null"}
_BY = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$", "not": {"const": POLICY}}
_NOTE = {"type": "string", "maxLength": 4000, "pattern": r"^[^\x00]*$"}
SAID = {"type": "string", "maxLength": 4000, "pattern": r"^[^\x00]*[^\x00-\x20\x7f-\xa0\s\ufeff][^\x00]*$"}  # some sign to be read
_ASSIGNEE = {"type": "string", "maxLength": 100, "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"}
_UNTIL = {
    "type": "string", "pattern": "^(?:[1-9][0-9]{0,8}[sm]|[1-9][0-9]{0,5}[hd])$",
    "description": "a span such as 2h or 7d; RFC 3339 with an offset is taken too, of a time to come",
}  # fmt: skip


def schema(required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A body for `openapi_extra`: an object with `by`, `note` and `more`."""
    shape: dict[str, Any] = {"type": "object", "properties": {"by": {"anyOf": [_BY, _NULL]}, "note": {"anyOf": [_NOTE, _NULL]}} | more}
    if required:
        shape["required"] = list(required)
    return {"requestBody": {"required": bool(required), "content": {"application/json": {"schema": shape}}}}


PLAIN = schema()
NOTE = schema(("note",), note=SAID)
ASSIGN = schema(("assignee",), assignee={"anyOf": [_ASSIGNEE, _NULL]})
LEVEL = schema(
    ("level", "note"), note=SAID, level={"type": "string", "enum": [level.word for level in Level]}, until={"anyOf": [_UNTIL, _NULL]}
)
RESOLVE = schema(reason={"type": "string", "enum": list(get_args(Resolution))}, until={"anyOf": [_UNTIL, _NULL]})
REVIEW = schema(("verdict",), verdict={"type": "string", "enum": list(get_args(Verdict))})
