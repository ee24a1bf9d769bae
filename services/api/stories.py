"""Stories: what mentions of a subject were grouped into."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from monitor.escalation.effects import StoryRow
from monitor.store import mentions, stories
from monitor.store.rows import Page
from monitor.store.sessions import ReadUnit
from services import tracing
from services.api.auth import Reader
from services.api.errors import Refusal
from services.api.kept import whole
from services.api.mentions import mention_wire
from services.api.schemas import PROBLEMS, MentionPage, StoryPage
from services.api.state import Api, ApiState, Limit, answer, cursor_of, listing, our_cursor, page
from services.api.story_schemas import StoryDetail, TreePage
from services.tracing import Trace, listed, places, story_wire, survivor

Cursor = Annotated[str | None, cursor_of(stories.CURSORS)]
TreeCursor = Annotated[str | None, cursor_of(tracing.CURSORS)]
MentionCursor = Annotated[str | None, cursor_of(mentions.CURSORS)]
Node = Annotated[str, Query(pattern="^[0-9a-f]{32}$", description="`node` of a place in the tree")]

router = APIRouter(tags=["stories"])


@router.get("/v1/stories", responses={200: {"model": StoryPage}, **PROBLEMS})
async def list_stories(
    *, api: Api, _: Reader, subject: str | None = None, live: bool | None = None, residual: bool | None = None,
    merged: bool = False, limit: Limit = 50, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """The stories (of one subject, live or settled, residual or not), those spoken of last first; `merged`: those that went into others."""
    with our_cursor():
        async with listing(api) as (unit, seq):
            found = await unit.stories.list(subject, limit, cursor, live=live, residual=residual, merged=merged)
            running = await unit.alerts.running([one.id for one in found.items])
    return answer(page(found, seq, lambda one: listed(one, running)))


@router.get("/v1/stories/{story}", responses={200: {"model": StoryDetail}, **PROBLEMS})
async def one_story(api: Api, _: Reader, story: str, limit: Limit = 50) -> Response:
    """One story: where it began, how it spread, and the first page of its tree; of a merged one those of what it became part of."""
    async with api.store.read() as unit:
        found = await existing(unit, story)
        last = await survivor(unit, found)
        traced = await _traced(api, unit, last)
        tree = await places(unit, traced.tree, None, limit)
        wire = await story_wire(unit, found)
    merged = {"merged_into": last.id if last is not found else None}
    origin = None if last.residual else traced.origin  # unrelated mentions have none in common
    return answer(wire | merged | {"origin": origin, "spread": traced.spread, "tree": _page(tree)})


@router.get("/v1/stories/{story}/tree", responses={200: {"model": TreePage}, **PROBLEMS})
async def tree_of(api: Api, _: Reader, story: str, under: Node | None = None, limit: Limit = 50, cursor: TreeCursor = None) -> Response:
    """Who answers and passes on whom: what hangs under a `node` of the tree (absent: the uppermost), the biggest branch first."""
    with our_cursor():
        async with api.store.read() as unit:
            found = await survivor(unit, await existing(unit, story))
            tree = await places(unit, (await _traced(api, unit, found)).tree, under, limit, cursor)
    if tree is None:
        raise Refusal(404, "there is no such node in the tree of this story, or the cursor belongs to another")
    return answer(_page(tree))


@router.get("/v1/stories/{story}/mentions", responses={200: {"model": MentionPage}, **PROBLEMS})
async def mentions_of(api: Api, _: Reader, story: str, limit: Limit = 50, cursor: MentionCursor = None) -> Response:
    """The mentions of a story, newest published first."""
    with our_cursor():
        async with listing(api) as (unit, seq):
            last = await survivor(unit, await existing(unit, story))
            found = await unit.mentions.of_story(last.id, limit=limit, cursor=cursor)
    return answer(page(found, seq, mention_wire))


async def existing(unit: ReadUnit, story: str) -> StoryRow:
    """The story; 404 when there is none."""
    found = await unit.stories.get(story)
    if found is None:
        raise Refusal(404, "there is no story of this id")
    return found


async def _traced(api: ApiState, unit: ReadUnit, story: StoryRow) -> Trace:
    return await api.traces.of(api.store, unit, whole(story.id), (story.mentions, story.last_at))


def _page(tree: Page[dict[str, object]] | None) -> dict[str, object]:
    return {"items": tree.items, "next_cursor": tree.next_cursor} if tree else {"items": [], "next_cursor": None}
