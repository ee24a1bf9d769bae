"""Mentions: pushed in, and found again."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from monitor.border import parse
from monitor.clock import rfc3339
from monitor.documents import BadDocument, split
from monitor.errors import BusFull, BusUnavailable, InvalidMention
from monitor.escalation.effects import Judgement
from monitor.mention import Mention
from monitor.store.mentions import CURSORS, Found, StoredScore
from services.api.auth import Reader, Staff
from services.api.bodies import MEBIBYTE, Bodies
from services.api.errors import Refusal, busy
from services.api.schemas import MENTIONS_BODY, PROBLEMS, MentionPage, ReceiptModel
from services.api.state import Api, ApiState, Limit, Moment, answer, cursor_of, listing, our_cursor, page
from services.intake import Receipt

LIMIT = 10 * MEBIBYTE
MOST = 160_000  # no more mentions, however small, fit into the limit
AT_ONCE = 256 * 1024  # what is longer is read in a thread, so that others are not kept waiting
PATIENCE = 9.0  # seconds; contract 4 promises an answer within 10
LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})

Cursor = Annotated[str | None, cursor_of(CURSORS)]

router = APIRouter(tags=["mentions"])


@router.post("/v1/mentions", status_code=202, responses={202: {"model": ReceiptModel}, **PROBLEMS}, openapi_extra=MENTIONS_BODY)
async def push(request: Request, api: Api, caller: Staff) -> Response:
    """Take one mention, an array, or lines (NDJSON); answers once they are durable."""
    bodies: Bodies = request.app.state.bodies
    lines = request.headers.get("content-type", "").partition(";")[0].strip().lower() in LINES
    loop = asyncio.get_running_loop()
    async with bodies.read(request, LIMIT) as body:
        items, receipt = await _by(loop.time() + PATIENCE, api, body, lines=lines, staff=caller.role != "reader")
    return receipt_answer(receipt, unknown_subjects(items, {subject.name for subject in api.settings.subjects}))


async def _by(deadline: float, api: ApiState, body: bytes, *, lines: bool, staff: bool) -> tuple[list[Mention | InvalidMention], Receipt]:
    if api.intake is None:
        raise busy("no collector runs here")
    try:
        async with asyncio.timeout_at(deadline):
            now = api.clock.now()
            if len(body) > AT_ONCE:
                items = await asyncio.to_thread(read_items, body, now, lines=lines)
            else:
                items = read_items(body, now, lines=lines)
            return items, await api.intake.take(items, staff=staff)
    except BadDocument as error:
        raise Refusal(400, str(error)) from error
    except (BusFull, BusUnavailable) as error:
        raise busy("the log cannot take it now; send it again") from error
    except TimeoutError as error:
        raise busy(f"not durable within {PATIENCE:.0f} s; it may still arrive: send again") from error


def read_items(body: bytes, now: int, *, lines: bool) -> list[Mention | InvalidMention]:
    """Every element of a body, read or refused by itself; BadDocument when the whole cannot be read."""
    elements = split(body, lines=lines)
    if len(elements) > MOST:
        raise Refusal(413, f"more than {MOST} elements; send them in parts")
    return [_item(element, now) for element in elements]


def _item(element: bytes | msgspec.Raw, now: int) -> Mention | InvalidMention:
    try:
        return parse(element, now)
    except InvalidMention as invalid:
        return invalid


def unknown_subjects(items: Sequence[Mention | InvalidMention], known: Collection[str]) -> list[dict[str, object]]:
    """Which of them name subjects that are not watched: a slip of the pen that nobody would see, for they are taken all the same."""
    named = ((index, item.subjects) for index, item in enumerate(items) if isinstance(item, Mention) and item.subjects)
    found = ((index, [name for name in names if name not in known]) for index, names in named)
    return [{"index": index, "unknown_subjects": unknown} for index, unknown in found if unknown]


def receipt_answer(receipt: Receipt, warnings: Sequence[object] = ()) -> Response:
    """202, or 422 when not one of them was a mention; with what is odd about those taken, if anything."""
    counted = msgspec.to_builtins(receipt) | ({"warnings": warnings} if warnings else {})
    if receipt.sent and len(receipt.rejected) == receipt.sent:
        raise Refusal(422, "; ".join(receipt.rejected[0].errors), **counted)
    return answer(counted, 202)


@router.get("/v1/mentions", responses={200: {"model": MentionPage}, **PROBLEMS})
async def search(
    *, api: Api, _: Reader, subject: str | None = None, q: Annotated[str | None, Query(max_length=200)] = None,
    since: Moment | None = None, until: Moment | None = None, limit: Limit = 50, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """Stored mentions, newest published first: of a subject, with `q` in their words, published from `since` to before `until`."""
    with our_cursor():
        async with listing(api) as (unit, seq):
            found = await unit.mentions.search(subject=subject, q=q, since=since, until=until, limit=limit, cursor=cursor)
    return answer(page(found, seq, mention_wire))


def mention_wire(found: Found) -> dict[str, object]:
    """
    The object of contract 1 with its original words, and its scores; `author` is a pseudonym, `name` a readable account.

    `text` and `platform` are always there, where a record leaves out what is empty.
    """
    said = found.mention
    out: dict[str, object] = msgspec.to_builtins(said) | {"text": said.text, "platform": said.platform or said.source}
    kept = {"name": found.name, "role": found.role}
    return out | {key: value for key, value in kept.items() if value is not None} | {"scores": _scores(found.scores)}


def _scores(scores: Sequence[StoredScore]) -> list[dict[str, object]]:
    return [
        {"story": one.story, "counted": one.counted, "emotion": msgspec.to_builtins(one.emotion), **msgspec.to_builtins(one.score)}
        | ({"judged": _judged(one.judged)} if one.judged else {})
        | ({"excluded": True} if one.out else {})
        for one in scores
    ]


def _judged(word: Judgement) -> dict[str, object]:
    """A person's word over the model's."""
    said: dict[str, object] = msgspec.to_builtins(word)
    return said | {"at": rfc3339(word.at)}
